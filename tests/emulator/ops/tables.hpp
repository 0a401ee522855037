// SPDX-License-Identifier: MIT
// The opcodes each file of ops/ decodes.
#pragma once

#include <span>

#include "opcodes.hpp"

namespace cuemu {

std::span<const OpcodeEntry> integer_opcodes();
std::span<const OpcodeEntry> bit_opcodes();
std::span<const OpcodeEntry> float_opcodes();
std::span<const OpcodeEntry> compare_opcodes();
std::span<const OpcodeEntry> convert_opcodes();
std::span<const OpcodeEntry> move_opcodes();
std::span<const OpcodeEntry> memory_opcodes();
std::span<const OpcodeEntry> atomic_opcodes();
std::span<const OpcodeEntry> control_opcodes();
std::span<const OpcodeEntry> collective_opcodes();
std::span<const OpcodeEntry> tensor_opcodes();
std::span<const OpcodeEntry> matrix_opcodes();
std::span<const OpcodeEntry> async_opcodes();

// Opcodes whose integer and floating-point forms live in different files.
void decode_float_arithmetic(Decoder& d);  // add sub mul fma mad div min max abs neg

}  // namespace cuemu
