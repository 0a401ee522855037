// SPDX-License-Identifier: MIT
#include "deadlock.hpp"

#include "fault.hpp"

namespace cuemu {
namespace {

// Barriers are waited for behind the instruction, everything else at it.
const Instr& instruction_of(const Warp& w, const Group& g) {
  return w.worker->program->code[g.state == Group::State::at_barrier ? g.ip - 1 : g.ip];
}

std::string describe(const Warp& w, const Group& g) {
  const Program& program = *w.worker->program;
  const Instr& in = instruction_of(w, g);
  const Cta& cta = *w.cta;
  std::string text;
  if (cta.cluster->size > 1) text = format("rank %u ", cta.rank);
  text +=
      format("warp %u lanes 0x%08x at %s (%s", w.index, g.mask,
             program.texts[program.origin[static_cast<size_t>(&in - program.code.data())]].c_str(),
             program.source_of(in).c_str());
  for (const Mbarrier& b : cta.mbarriers.all())
    if (g.waiting == &in && g.mbarrier == b.offset) text += ", " + describe(b);
  return text + ")";
}

}  // namespace

void deadlock(Unit& unit) {
  std::string detail;
  const Warp* first = nullptr;
  const Group* group = nullptr;
  unsigned told = 0;
  for (Cta& cta : unit.ctas) {
    for (Warp& w : cta.warps) {
      if (w.active != 0) {  // loops
        Group running;
        running.ip = w.ip;
        running.mask = w.active;
        w.others.push_back(running);
      }
      for (const Group& g : w.others) {
        if (first == nullptr) first = &w, group = &g;
        if (++told <= 4) detail += (told == 1 ? "" : ", ") + describe(w, g);
      }
    }
  }
  if (told > 4) detail += format(", and %u more", told - 4);
  raise_fault(*first, instruction_of(*first, *group), "deadlock", group->mask,
              "every thread waits for one that cannot come: " + detail);
}

}  // namespace cuemu
