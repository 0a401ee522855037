// SPDX-License-Identifier: MIT
// The registers that wgmma.mma_async reads or writes after it has been issued.
#pragma once

#include <cstdint>
#include <vector>

#include "flatten.hpp"

namespace cuemu {

class WgmmaRegisters {
 public:
  explicit WgmmaRegisters(const FlatProgram& program);

  uint32_t count() const { return count_; }
  bool contains(uint32_t reg) const { return count_ != 0 && number_[reg] != kNoRegister; }
  // From 0 on, of a register that is one of them.
  uint32_t number(uint32_t reg) const { return number_[reg]; }
  // The numbers of those that an instruction names, each once.
  std::vector<uint32_t> named_by(const FlatInstruction& in) const;

 private:
  void collect(const Operand& o, std::vector<uint32_t>& numbers) const;

  std::vector<uint32_t> number_;  // by register
  uint32_t count_ = 0;
};

inline bool is_wgmma(const FlatInstruction& in) {
  return in.opcode.starts_with("wgmma.mma_async");
}

}  // namespace cuemu
