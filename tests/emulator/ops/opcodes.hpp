// SPDX-License-Identifier: MIT
// The table of opcodes, and the few handlers that other parts need by name.
#pragma once

#include <string_view>

#include "../isa/program.hpp"

namespace cuemu {

class Decoder;

using DecodeFunction = void (*)(Decoder&);

struct OpcodeEntry {
  std::string_view name;  // up to the first dot
  DecodeFunction decode;
};

// nullptr when there is no such opcode.
DecodeFunction find_opcode(std::string_view base);

void run_unknown_opcode(Warp& warp, const Instr& in, uint32_t mask);
// list, extra: numbers of wgmma's registers, and how many.
void touch_wgmma_registers(Warp& warp, const Instr& in, uint32_t mask);

// dst = a, between slots of different widths (2, 4 or 8 bytes a lane).
Handler narrowing(unsigned from_bytes, unsigned to_bytes);
Handler widening(unsigned from_bytes, unsigned to_bytes, bool sign);
Handler predicate_not();

}  // namespace cuemu
