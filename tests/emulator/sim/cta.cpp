// SPDX-License-Identifier: MIT
#include <new>

#include "checks.hpp"
#include "previous_grid.hpp"
#include "warp.hpp"

namespace cuemu {

Worker::Worker() = default;
Worker::~Worker() = default;

std::byte* Storage::reserve(size_t bytes) {
  if (data_ == nullptr || bytes > capacity_) {
    std::free(data_);
    capacity_ = (bytes / 4096 + 1) * 4096;
    data_ = static_cast<std::byte*>(std::aligned_alloc(64, capacity_));
    if (data_ == nullptr) throw std::bad_alloc();
  }
  return data_;
}

void Cta::arrive(uint32_t id, uint32_t threads, uint32_t expected) {
  Barrier& b = barriers[id];
  b.arrived += threads;
  b.expected = expected;
  if (b.arrived >= (expected != 0 ? expected : live_threads)) complete(id);
}

void Cta::threads_exited(uint32_t count, uint32_t at_cluster) {
  live_threads -= count;
  cluster->threads_exited(count, at_cluster);
  for (uint32_t id = 0; id < barriers.size(); ++id)
    if (barriers[id].arrived != 0 && barriers[id].expected == 0 &&
        barriers[id].arrived >= live_threads)
      complete(id);
}

void Cta::complete(uint32_t id) {
  const Barrier done = barriers[id];
  barriers[id] = Barrier{};
  ++worker->counters.barriers;
  if (checks != nullptr) checks->barrier_completed(id);
  for (Warp& w : warps) {
    for (Group& g : w.others) {
      if (g.state != Group::State::at_barrier || g.barrier != id) continue;
      g.state = Group::State::runnable;
      pass_block_barrier(w, g.mask);
      if (g.finish != nullptr) g.finish(w, *g.waiting, g.mask, done);
      g.finish = nullptr;
    }
  }
}

}  // namespace cuemu
