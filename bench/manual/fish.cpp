// SPDX-License-Identifier: MIT
#include <sstream>

#include "manual/completion.hpp"
#include "manual/shell_text.hpp"

namespace foldconv::tool {
namespace {

// Fish, too, knows \' inside of '...', but no '\''.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// A list as the command substitution that adds to what stands there.
std::string candidates(const Values& values) {
  std::string text = shell_words(values.words);
  if (values.several) return "(__fish_append , " + text + ")";
  for (const std::string& ending : values.endings) {
    text += (text.empty() ? "" : " ") + ("(__fish_complete_suffix " + ending + ")");
  }
  if (values.folders) text += "(__fish_complete_directories)";
  return text;
}

// `where`: the condition under which it is offered.
std::string line_of(const std::string& tool, const std::string& where,
                    const OptionDescription& option) {
  const Values& values = option.values;
  std::string line = "complete -c " + tool + " -n " + quoted(where);
  if (option.has_name()) {
    line += " -l " + option.name.substr(2) + (option.type.empty() ? "" : " -r");
  }
  const bool any_file = values.files && values.endings.empty();
  line += any_file ? " -F" : " -f";
  const std::string offered = candidates(values);
  if (!offered.empty()) line += " -a " + quoted(offered);
  if (option.has_name()) line += " -d " + quoted(brief(option.help));
  return line + "\n";
}

}  // namespace

std::string fish_completion(const ToolDescription& tool) {
  std::ostringstream out;
  out << "# fish completion for " << tool.name << "; written by: " << tool.name
      << " completion fish\n"
      << "complete -c " << tool.name << " -f\n";
  const std::string first = "__fish_use_subcommand";
  for (const OptionDescription& option : tool.options) out << line_of(tool.name, first, option);
  for (const CommandDescription& command : tool.commands) {
    out << "complete -c " << tool.name << " -n " << first << " -a " << command.name << " -d "
        << quoted(brief(command.help)) << "\n";
    const std::string where = "__fish_seen_subcommand_from " + command.name;
    for (const OptionDescription& option : command.options) {
      out << line_of(tool.name, where, option);
    }
  }
  return out.str();
}

}  // namespace foldconv::tool
