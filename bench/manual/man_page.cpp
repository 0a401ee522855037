// SPDX-License-Identifier: MIT
#include "manual/man_page.hpp"

#include <sstream>

namespace foldconv::tool {
namespace {

// Text as it is: roff's own characters escaped, and a dash that can be searched for and copied.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      case '`':
        out += "\\(ga";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// A macro's argument, which may have spaces.
std::string argument(const std::string& text) {
  std::string out = "\"";
  for (const char c : escaped(text)) out += c == '"' ? std::string("\\(dq") : std::string(1, c);
  return out + '"';
}

std::string bold(const std::string& text) {
  return "\\fB" + escaped(text) + "\\fR";
}

std::string italic(const std::string& text) {
  return "\\fI" + escaped(text) + "\\fR";
}

std::string section(const std::string& title) {
  return ".SH " + argument(title) + "\n";
}

// Text whose lines stay as they are.
std::string example(const std::string& text) {
  return ".nf\n" + escaped(text) + "\n.fi\n";
}

std::string sentence(std::string text) {
  if (!text.empty() && text.find_last_of(".!?") != text.size() - 1) text += '.';
  return text;
}

std::string title_of(const OptionDescription& option) {
  std::string text = option.has_name() ? bold(option.name) : "";
  if (!option.type.empty()) text += (text.empty() ? "" : " ") + italic(option.type);
  return text;
}

std::string text_of(const OptionDescription& option) {
  std::string text = sentence(option.help);
  if (option.required) text += " Required.";
  if (option.repeatable) text += " Can be given several times.";
  if (!option.otherwise.empty()) text += " Default: " + option.otherwise + ".";
  return ".TP\n" + title_of(option) + "\n" + escaped(text) + "\n";
}

std::string synopsis_of(const ToolDescription& tool, const CommandDescription& command) {
  std::string line = bold(tool.name + " " + command.name);
  std::string optional;
  for (const OptionDescription& option : command.options) {
    if (!option.required) {
      optional = " [" + italic("OPTION") + "]...";
      continue;
    }
    line += " " + title_of(option);
  }
  line += optional;
  for (const OptionDescription& option : command.options) {
    if (option.has_name() || option.required) continue;
    line += " [" + italic(option.type) + "]" + (option.repeatable ? "..." : "");
  }
  return ".br\n" + line + "\n";
}

}  // namespace

std::string man_page(const ToolDescription& tool) {
  std::ostringstream page;
  page << ".\\\" Written by: " << tool.name << " manual\n"
       << ".TH " << argument("FOLDCONV") << " 1 \"\" " << argument(tool.name + " " + tool.version)
       << " " << argument("User Commands") << "\n"
       << ".nh\n.ad l\n";
  page << section("NAME") << escaped(tool.name) << " \\- " << escaped(tool.purpose) << "\n";
  page << section("SYNOPSIS");
  for (const CommandDescription& command : tool.commands) page << synopsis_of(tool, command);
  page << section("DESCRIPTION") << escaped(tool.about) << "\n";
  page << section("OPTIONS");
  for (const OptionDescription& option : tool.options) page << text_of(option);
  page << section("COMMANDS");
  for (const CommandDescription& command : tool.commands) {
    page << ".SS " << argument(command.name) << "\n" << escaped(sentence(command.help)) << "\n";
    for (const OptionDescription& option : command.options) page << text_of(option);
  }
  page << section("PROBLEMS") << example(tool.problems);
  page << section("EXIT STATUS");
  for (std::size_t code = 0; code < tool.exit_codes.size(); ++code) {
    page << ".TP\n"
         << bold(std::to_string(code)) << "\n"
         << escaped(sentence(tool.exit_codes[code])) << "\n";
  }
  page << section("ENVIRONMENT");
  constexpr const char* kVariables[][2] = {
      {"FOLDCONV_NETWORKS", "The folder of trained networks, as by --networks."},
      {"NO_COLOR", "If it is not empty, nothing is in colour unless --color says so."},
      {"TERM", "If it is dumb, there is no colour and no line of progress."}};
  for (const auto& [name, meaning] : kVariables) {
    page << ".TP\n" << bold(name) << "\n" << escaped(meaning) << "\n";
  }
  return page.str();
}

}  // namespace foldconv::tool
