// SPDX-License-Identifier: MIT
#include "opcodes.hpp"

#include <span>
#include <unordered_map>

#include "../sim/fault.hpp"
#include "tables.hpp"

namespace cuemu {

DecodeFunction find_opcode(std::string_view base) {
  static const auto& table = [&]() -> auto& {
    auto& t = *new std::unordered_map<std::string_view, DecodeFunction>;
    for (std::span<const OpcodeEntry> part :
         {integer_opcodes(), bit_opcodes(), float_opcodes(), compare_opcodes(), convert_opcodes(),
          move_opcodes(), memory_opcodes(), atomic_opcodes(), control_opcodes(),
          collective_opcodes(), tensor_opcodes(), matrix_opcodes(), async_opcodes(),
          mbarrier_opcodes(), cluster_opcodes(), grid_control_opcodes(), wgmma_opcodes()})
      for (const OpcodeEntry& e : part) t[e.name] = e.decode;
    return t;
  }
  ();
  auto it = table.find(base);
  return it == table.end() ? nullptr : it->second;
}

void run_unknown_opcode(Warp& warp, const Instr& in, uint32_t mask) {
  const Program& program = *warp.worker->program;
  raise_fault(warp, in, "unknown-opcode", mask,
              program.texts[program.origin[static_cast<size_t>(&in - program.code.data())]]);
}

}  // namespace cuemu
