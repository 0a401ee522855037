// SPDX-License-Identifier: MIT
// What is on the command line, in words: of this the manual page and the shells' completions are made.
#pragma once

#include <string>
#include <vector>

namespace foldconv::tool {

// What may stand for a value.
struct Values {
  std::vector<std::string> words = {};
  bool several = false;  // of the words, with commas between
  bool files = false;
  std::vector<std::string> endings = {};  // of the files: ".onnx"; none: any
  bool folders = false;
};

struct OptionDescription {
  std::string name;       // "--dtype"; without a name it goes by its place
  std::string type = {};  // of its value: "TYPE"; "": it takes none
  std::string help = {};
  std::string otherwise = {};  // the value where it is not given; "": the help says it
  bool required = false;
  bool repeatable = false;
  Values values = {};

  bool has_name() const { return !name.empty(); }
};

struct CommandDescription {
  std::string name;
  std::string help;
  std::vector<OptionDescription> options;
};

struct ToolDescription {
  std::string name, version;  // "foldconv", "1.2.3"
  std::string purpose;        // in one line
  std::string about;
  std::vector<OptionDescription> options;  // of the program itself, before the command
  std::vector<CommandDescription> commands;
  std::string problems;                 // how problems are written
  std::vector<std::string> exit_codes;  // of 0, 1, ...: what each means
};

}  // namespace foldconv::tool
