// SPDX-License-Identifier: MIT
#include "wgmma_registers.hpp"

#include <algorithm>

namespace cuemu {

WgmmaRegisters::WgmmaRegisters(const FlatProgram& program) {
  for (const FlatInstruction& in : program.code) {
    if (!is_wgmma(in)) continue;
    if (number_.empty()) number_.assign(program.registers.size(), kNoRegister);
    // Vectors are the accumulators, and A where it comes from registers.
    for (const Operand& o : in.operands)
      for (const Operand& r : o.items)
        if (r.kind == Operand::Kind::reg && number_[r.reg] == kNoRegister)
          number_[r.reg] = count_++;
  }
}

std::vector<uint32_t> WgmmaRegisters::named_by(const FlatInstruction& in) const {
  std::vector<uint32_t> numbers;
  if (count_ == 0) return numbers;
  for (const Operand& o : in.operands) collect(o, numbers);
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

void WgmmaRegisters::collect(const Operand& o, std::vector<uint32_t>& numbers) const {
  const bool is_register =
      o.kind == Operand::Kind::reg || (o.kind == Operand::Kind::address && o.has_base);
  if (is_register && contains(o.reg)) numbers.push_back(number(o.reg));
  for (const Operand& item : o.items) collect(item, numbers);
}

}  // namespace cuemu
