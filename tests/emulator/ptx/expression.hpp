// SPDX-License-Identifier: MIT
// Constant expressions of integers, as an operand may be.
#pragma once

#include <cstdint>

#include "lexer.hpp"

namespace cuemu {

// Whether the lexer is at the start of one: a number, a sign or a parenthesis.
bool at_expression(const Lexer& lexer);

// Reads 64-bit arithmetic with the operators of C, up to what cannot belong to it.
uint64_t parse_expression(Lexer& lexer);

}  // namespace cuemu
