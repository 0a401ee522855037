// SPDX-License-Identifier: MIT
#include <sstream>

#include "manual/completion.hpp"
#include "manual/shell_text.hpp"

namespace foldconv::tool {
namespace {

// Readline breaks words at =, so that --option=value is three of them; a comma breaks none.
constexpr const char* kFunctions = R"(
_foldconv_words() {
  mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$*" -- "$cur")
}

# Of words with commas between the last one.
_foldconv_several() {
  local before=
  [[ $cur != *,* ]] || before=${cur%,*},
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$*" -- "${cur##*,}")
  compopt -o nospace 2>/dev/null
}

_foldconv_folders() {
  compopt -o filenames 2>/dev/null
  mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$cur")
}

# Those with one of these endings; without an ending all.
_foldconv_files() {
  local ending
  for ending; do
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -X "!*$ending" -- "$cur")
  done
  if [[ $# -gt 0 ]]; then
    _foldconv_folders
  else
    compopt -o filenames 2>/dev/null
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
  fi
}
)";

constexpr const char* kBegin = R"(
_foldconv() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command='' options='' at
  COMPREPLY=()
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
)";

// What completes a value, a call a line.
std::string calls_for(const Values& values, const std::string& indent) {
  std::string calls;
  const auto add = [&](const std::string& call) { calls += indent + call + "\n"; };
  if (!values.words.empty()) {
    add((values.several ? "_foldconv_several " : "_foldconv_words ") + shell_words(values.words));
  }
  if (values.files) {
    const std::string endings = shell_words(values.endings);
    add("_foldconv_files" + (endings.empty() ? "" : " " + endings));
  }
  if (values.folders) add("_foldconv_folders");
  return calls;
}

// What completes options' values, and else the operands.
std::string cases_of(const std::vector<OptionDescription>& options, const std::string& operands) {
  std::ostringstream out;
  std::vector<std::string> names;
  out << "      case $prev in\n";
  for (const OptionDescription& option : options) {
    if (option.has_name()) names.push_back(option.name);
    if (!option.has_name() || option.type.empty()) continue;
    out << "        " << option.name << ")\n"
        << calls_for(option.values, "          ") << "          return\n          ;;\n";
  }
  out << "      esac\n"
      << "      options=" << shell_quoted(shell_words(names)) << "\n"
      << "      [[ $cur == -* ]] || {\n"
      << (operands.empty() ? "        return\n" : operands) << "      }\n";
  return out.str();
}

}  // namespace

std::string bash_completion(const ToolDescription& tool) {
  std::ostringstream out;
  std::vector<std::string> commands;
  std::string alternatives;
  for (const CommandDescription& command : tool.commands) {
    commands.push_back(command.name);
    alternatives += (alternatives.empty() ? "" : " | ") + command.name;
  }
  out << "# bash completion for " << tool.name << "; written by: " << tool.name
      << " completion bash\n"
      << "# shellcheck shell=bash disable=SC2317\n"
      << kFunctions << kBegin << "  for ((at = 1; at < COMP_CWORD; ++at)); do\n"
      << "    case ${COMP_WORDS[at]} in\n"
      << "      " << alternatives << ")\n"
      << "        command=${COMP_WORDS[at]}\n"
      << "        break\n"
      << "        ;;\n"
      << "    esac\n"
      << "  done\n"
      << "  case $command in\n"
      << "    '')\n"
      << cases_of(tool.options, "        _foldconv_words " + shell_words(commands) + "\n")
      << "      ;;\n";
  for (const CommandDescription& command : tool.commands) {
    std::string operands;
    for (const OptionDescription& option : command.options) {
      if (!option.has_name()) operands += calls_for(option.values, "        ");
    }
    out << "    " << command.name << ")\n" << cases_of(command.options, operands) << "      ;;\n";
  }
  out << "  esac\n"
      << "  if [[ $cur == -* ]]; then\n"
      << "    _foldconv_words \"$options\"\n"
      << "  fi\n"
      << "}\n"
      << "complete -F _foldconv " << tool.name << "\n";
  return out.str();
}

}  // namespace foldconv::tool
