#include "fault.hpp"

#include <cxxabi.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "launch.hpp"

namespace cuemu {

std::string format(const char* pattern, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

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

void raise_fault(const Warp& warp, const Instr& in, const char* kind, uint32_t lanes,
                 const std::string& detail) {
  const Cta& cta = *warp.cta;
  const Launch& launch = *warp.worker->launch->launch;
  const uint32_t thread = warp.index * 32 + (lanes != 0 ? first_lane(lanes) : 0);
  const Dim3& block = launch.block;
  std::string text =
      std::string(kind) + ": " + detail + "; kernel " + warp.worker->program->pretty_name +
      format(", block (%u,%u,%u), thread (%u,%u,%u)", cta.index[0], cta.index[1], cta.index[2],
             thread % block.x, thread / block.x % block.y, thread / block.x / block.y);
  if (std::popcount(lanes) > 1) text += format(" lanes 0x%08x", lanes);
  text += ", " + warp.worker->program->source_of(in);
  throw FaultError{Fault{kind, text}};
}

std::string demangle(const std::string& mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
  std::string result = status == 0 && text != nullptr ? text : mangled;
  std::free(text);
  return result;
}

}  // namespace cuemu
