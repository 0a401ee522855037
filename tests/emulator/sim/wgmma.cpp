// SPDX-License-Identifier: MIT
#include "wgmma.hpp"

#include <algorithm>

#include "checks.hpp"
#include "fault.hpp"
#include "warp.hpp"

namespace cuemu {

void WgmmaQueue::reset() {
  queue_.clear();
  registers_.clear();
  waited_ = acted_ = 0;
  committed_ = fences_ = 0;
}

void WgmmaQueue::fence(Warp& warp) {
  ++fences_;
  if (registers_.empty()) registers_.resize(warp.worker->program->wgmma_registers);
}

void WgmmaQueue::expect_fenced(const Warp& warp, const Wgmma& mma, uint32_t reg) const {
  if (registers_[reg].touched != fences_ + 1) return;
  raise_fault(
      warp, *mma.instr, "missing-wgmma-fence", kAllLanes,
      "another instruction has touched a register of this wgmma since the last wgmma.fence");
}

void WgmmaQueue::issue(Warp& warp, const Wgmma& mma) {
  const Instr& in = *mma.instr;
  if (fences_ == 0)
    raise_fault(warp, in, "missing-wgmma-fence", kAllLanes,
                "the first wgmma of a warp needs a wgmma.fence before it");
  for (uint32_t r : mma.a_registers) {
    expect_fenced(warp, mma, r);
    ++registers_[r].in_flight;
  }
  for (uint32_t r : mma.accumulators) {
    expect_fenced(warp, mma, r);
    Register& state = registers_[r];
    if (state.shaped == fences_ && state.columns != mma.columns)
      raise_fault(warp, in, "missing-wgmma-fence", kAllLanes,
                  format("accumulators of a wgmma with n = %u, and no wgmma.fence since then",
                         state.columns));
    state.shaped = fences_;
    state.columns = mma.columns;
    ++state.in_flight;
  }
  queue_.push_back(mma);
  queue_.back().group = committed_;
  if (warp.worker->landing == Landing::eager) act_until(warp, issued());
  if (warp.worker->landing == Landing::shuffled) act_at_random(warp);
}

void WgmmaQueue::act_until(Warp& warp, uint64_t end) {
  for (; acted_ < end; ++acted_) {
    const Wgmma& mma = queue_[acted_ - waited_];
    mma.act(warp, mma);
  }
}

void WgmmaQueue::act_at_random(Warp& warp) {
  while (acted_ < issued() && warp.worker->random() % 2 != 0) act_until(warp, acted_ + 1);
}

// Up to number `end`, as far as neither has been waited for.
void WgmmaQueue::expect_same(const Warp& warp, const Instr& in, const Warp& other,
                             uint64_t end) const {
  const WgmmaQueue& theirs = other.wgmma;
  for (uint64_t i = std::max(waited_, theirs.waited_); i < end; ++i) {
    const Wgmma &a = queue_[i - waited_], &b = theirs.queue_[i - theirs.waited_];
    const char* differs = a.instr != b.instr                 ? "are not the same wgmma"
                          : a.a_descriptor != b.a_descriptor ? "have different descriptors of A"
                          : a.b_descriptor != b.b_descriptor ? "have different descriptors of B"
                          : a.accumulates != b.accumulates   ? "differ in scale-d"
                                                             : nullptr;
    if (differs == nullptr) continue;
    raise_fault(warp, in, "divergent-barrier", kAllLanes,
                format("what warps %u and %u of a warpgroup have issued %s: %s, %s", warp.index,
                       other.index, differs, warp.worker->program->source_of(*a.instr).c_str(),
                       warp.worker->program->source_of(*b.instr).c_str()));
  }
}

bool WgmmaQueue::wait(Warp& warp, const Instr& in, uint32_t pending) {
  uint64_t end = waited_;
  for (const Wgmma& mma : queue_) end += mma.group + uint64_t{pending} < committed_ ? 1 : 0;
  if (warp.worker->landing == Landing::shuffled) act_at_random(warp);
  if (end == waited_) return true;
  Warp* const group = &warp.cta->warps[warp.index / 4 * 4];
  for (uint32_t i = 0; i < 4; ++i)
    if (group[i].wgmma.issued() < end) return false;
  for (uint32_t i = 0; i < 4; ++i) {
    expect_same(warp, in, group[i], end);
    group[i].wgmma.act_until(group[i], end);
  }
  const auto done = static_cast<std::ptrdiff_t>(end - waited_);
  if (warp.cta->checks != nullptr)
    warp.cta->checks->wgmma_waited(warp, queue_[end - waited_ - 1].clock);
  for (const Wgmma& mma : std::span(queue_).first(static_cast<size_t>(done))) {
    for (uint32_t r : mma.accumulators) --registers_[r].in_flight;
    for (uint32_t r : mma.a_registers) --registers_[r].in_flight;
  }
  queue_.erase(queue_.begin(), queue_.begin() + done);
  waited_ = end;
  return true;
}

void WgmmaQueue::touch(const Warp& warp, const Instr& in, uint32_t mask,
                       std::span<const uint32_t> registers) {
  if (registers_.empty()) return;
  for (uint32_t r : registers) {
    Register& state = registers_[r];
    state.touched = fences_ + 1;
    if (state.in_flight == 0) continue;
    const auto has = [r](std::span<const uint32_t> list) {
      return std::find(list.begin(), list.end(), r) != list.end();
    };
    for (const Wgmma& mma : queue_) {
      if (!has(mma.accumulators) && !has(mma.a_registers)) continue;
      raise_fault(warp, in, "wgmma-in-flight", mask,
                  format("touches %s of the wgmma at %s, which has not been waited for",
                         has(mma.accumulators) ? "an accumulator" : "a register of A",
                         warp.worker->program->source_of(*mma.instr).c_str()));
    }
  }
}

void WgmmaQueue::finish(const Warp& warp) const {
  if (queue_.empty()) return;
  raise_fault(warp, *queue_.front().instr, "wgmma-in-flight", kAllLanes,
              "the warp has exited without waiting for this wgmma");
}

}  // namespace cuemu
