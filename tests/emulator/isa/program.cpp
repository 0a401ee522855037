// SPDX-License-Identifier: MIT
#include "program.hpp"

namespace cuemu {

std::string Program::source_of(const Instr& in) const {
  const SourceLocation& at = locations[origin[static_cast<size_t>(&in - code.data())]];
  auto name = [&](uint32_t file, uint32_t line) {
    auto it = files->find(file);
    return (it == files->end() ? std::string("?") : it->second) + ":" + std::to_string(line);
  };
  if (at.file == 0) return "?";
  const std::string text = name(at.file, at.line);
  if (at.inlined_file == 0) return text;
  return "called from " + name(at.inlined_file, at.inlined_line) + ", " + text;
}

}  // namespace cuemu
