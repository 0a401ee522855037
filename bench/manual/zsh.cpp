// SPDX-License-Identifier: MIT
#include <sstream>

#include "manual/completion.hpp"
#include "manual/shell_text.hpp"

namespace foldconv::tool {
namespace {

// Inside of _arguments' specifications, where brackets and colons divide.
std::string inside(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// The action that completes a value.
std::string action_for(const Values& values) {
  std::string files = values.folders ? "_files -/" : "_files", patterns;
  for (const std::string& ending : values.endings) {
    patterns += (patterns.empty() ? "*" : " *") + ending;
  }
  if (!patterns.empty()) files += " -g \"" + patterns + "\"";
  const std::string words = shell_words(values.words);
  if (values.words.empty()) return values.files || values.folders ? files : "";
  if (values.several) return "_sequence compadd - " + words;
  if (!values.files) return "(" + words + ")";
  return "{ compadd - " + words + "; " + files + " }";
}

std::string specification(const OptionDescription& option) {
  const std::string action = action_for(option.values);
  // Of an operand without words zsh would show a message, and then complete no option either.
  const std::string none = option.has_name() ? "" : "{:}";
  const std::string value = inside(option.type) + ":" + (action.empty() ? none : action);
  std::string text;
  if (!option.has_name()) {
    text = (option.repeatable ? "*:" : option.required ? ":" : "::") + value;
  } else {
    text = (option.repeatable ? "*" : "") + option.name + (option.type.empty() ? "" : "=") + "[" +
           inside(brief(option.help)) + "]" + (option.type.empty() ? "" : ":" + value);
  }
  return " \\\n    " + shell_quoted(text);
}

std::string arguments(const std::vector<OptionDescription>& options) {
  std::string text;
  for (const OptionDescription& option : options) text += specification(option);
  return text;
}

}  // namespace

std::string zsh_completion(const ToolDescription& tool) {
  std::ostringstream out;
  out << "#compdef " << tool.name << "\n"
      << "# zsh completion for " << tool.name << "; written by: " << tool.name
      << " completion zsh\n\n";
  for (const CommandDescription& command : tool.commands) {
    out << "_foldconv_" << command.name << "() {\n  _arguments -S" << arguments(command.options)
        << "\n}\n\n";
  }
  out << "_foldconv() {\n"
      << "  local context state state_descr line\n"
      << "  local -A opt_args\n"
      << "  _arguments -C" << arguments(tool.options) << " \\\n"
      << "    '1:command:->command' '*:: :->words'\n"
      << "  case $state in\n"
      << "    command)\n"
      << "      local -a commands=(\n";
  for (const CommandDescription& command : tool.commands) {
    out << "        " << shell_quoted(command.name + ":" + brief(command.help)) << "\n";
  }
  out << "      )\n"
      << "      _describe command commands\n"
      << "      ;;\n"
      << "    words)\n"
      << "      (( $+functions[_foldconv_$words[1]] )) && _foldconv_$words[1]\n"
      << "      ;;\n"
      << "  esac\n"
      << "}\n\n"
      << "if [[ $funcstack[1] = _foldconv ]]; then\n"
      << "  _foldconv \"$@\"\n"
      << "else\n"
      << "  compdef _foldconv " << tool.name << "\n"
      << "fi\n";
  return out.str();
}

}  // namespace foldconv::tool
