// SPDX-License-Identifier: MIT
// What a kernel asks of the machine around it: its order among grids, and its share of registers.
#include "../sim/launch.hpp"
#include "../sim/previous_grid.hpp"
#include "../sim/register_pool.hpp"
#include "synchronise.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

void wait_for_grid(Warp& w, const Instr&, uint32_t mask) {
  wait_for_previous_grid(w, mask);
}

// Launches run one after the other, whatever they allow.
void allow_dependents(Warp&, const Instr&, uint32_t) {}

void decode_grid_control(Decoder& d) {
  if (!d.has("wait") && !d.has("launch_dependents")) throw NotImplemented{"not implemented"};
  d.emit(d.has("wait") ? &wait_for_grid : &allow_dependents);
}

constexpr uint32_t kFewestRegisters = 24, kMostRegisters = 256, kRegisterStep = 8;

// extra: registers of a thread from now on, count: 1 if that may be more than before.
void set_registers(Warp& w, const Instr& in, uint32_t mask) {
  if (!whole_warp_here(w, in, mask)) return;
  const Launch& launch = *w.worker->launch->launch;
  if (!launch.kernel->info.bounds_registers)
    raise_fault(w, in, "register-pool", mask,
                "setmaxnreg has no effect: nothing says how many registers a thread starts with "
                "(__launch_bounds__)");
  if (w.index / 4 * 4 + 4 > w.cta->warps.size())
    raise_fault(w, in, "register-pool", mask,
                format("setmaxnreg in a warpgroup that is not whole: the block has %zu warps",
                       w.cta->warps.size()));
  if (launch.registers == 0) return;
  if (in.count == 0)
    give_up_registers(w, in, in.extra);
  else
    take_registers(w, in, mask, in.extra);
}

void decode_setmaxnreg(Decoder& d) {
  if (!d.has("inc") && !d.has("dec")) throw NotImplemented{"not implemented"};
  const uint64_t registers = d.immediate(0);
  if (registers < kFewestRegisters || registers > kMostRegisters || registers % kRegisterStep != 0)
    throw NotImplemented{"setmaxnreg takes multiples of 8 from 24 to 256"};
  Instr& in = d.emit(&set_registers);
  in.control = true;
  in.extra = static_cast<uint32_t>(registers);
  in.count = d.has("inc") ? 1 : 0;
}

}  // namespace

std::span<const OpcodeEntry> grid_control_opcodes() {
  static constexpr OpcodeEntry table[] = {{"griddepcontrol", decode_grid_control},
                                          {"setmaxnreg", decode_setmaxnreg}};
  return table;
}

}  // namespace cuemu
