// SPDX-License-Identifier: MIT
#include "register_pool.hpp"

#include "fault.hpp"

namespace cuemu {
namespace {

constexpr uint32_t kGranularity = 8;  // registers of a thread come in units of so many
constexpr uint32_t kWarpsOfGroup = 4;

// The warps of a warpgroup must execute the same ones.
void expect_agreement(const Warp& warp, const Instr& in) {
  const uint32_t first = warp.index / kWarpsOfGroup * kWarpsOfGroup;
  for (uint32_t i = first; i < first + kWarpsOfGroup; ++i) {
    const Warp& other = warp.cta->warps[i];
    if (other.register_changes == warp.register_changes &&
        other.registers_held != warp.registers_held)
      raise_fault(warp, in, "register-pool", warp.live(),
                  format("warp %u asks for %u registers, warp %u of the same warpgroup for %u",
                         warp.index, warp.registers_held, i, other.registers_held));
  }
}

void change(Warp& warp, const Instr& in, uint32_t count) {
  warp.registers_held = count;
  warp.register_change = &in;
  ++warp.register_changes;
  expect_agreement(warp, in);
}

}  // namespace

void fill_register_pool(Cta& cta, uint32_t registers) {
  cta.free_registers = 0;
  for (Warp& w : cta.warps) {
    w.registers_held = (registers + kGranularity - 1) / kGranularity * kGranularity;
    w.register_changes = 0;
    w.register_change = nullptr;
  }
}

void give_up_registers(Warp& warp, const Instr& in, uint32_t count) {
  if (count > warp.registers_held)
    raise_fault(warp, in, "register-pool", warp.live(),
                format("setmaxnreg.dec to %u registers of a thread that has %u", count,
                       warp.registers_held));
  warp.cta->free_registers += warp.registers_held - count;
  change(warp, in, count);
  for (Warp& w : warp.cta->warps)
    for (Group& g : w.others)
      if (g.state == Group::State::at_register_pool) g.state = Group::State::runnable;
}

bool take_registers(Warp& warp, const Instr& in, uint32_t mask, uint32_t count) {
  if (count < warp.registers_held)
    raise_fault(warp, in, "register-pool", warp.live(),
                format("setmaxnreg.inc to %u registers of a thread that has %u", count,
                       warp.registers_held));
  const uint32_t wanted = count - warp.registers_held;
  if (wanted > warp.cta->free_registers) {
    warp.wait_to_repeat(in, mask, Group::State::at_register_pool);
    warp.reschedule();
    return false;
  }
  warp.cta->free_registers -= wanted;
  change(warp, in, count);
  return true;
}

void check_register_pool(const Cta& cta) {
  for (const Warp& w : cta.warps) {
    const Warp& first = cta.warps[w.index / kWarpsOfGroup * kWarpsOfGroup];
    if (w.register_changes == first.register_changes) continue;
    const Warp& more = w.register_changes > first.register_changes ? w : first;
    raise_fault(
        more, *more.register_change, "register-pool", 0,
        format("not executed by every warp of its warpgroup: warp %u executes setmaxnreg %u "
               "times, warp %u %u times",
               first.index, first.register_changes, w.index, w.register_changes));
  }
}

}  // namespace cuemu
