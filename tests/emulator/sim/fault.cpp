// SPDX-License-Identifier: MIT
#include "fault.hpp"

#include <cstdarg>
#include <cstdio>

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

}  // namespace cuemu
