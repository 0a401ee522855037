// SPDX-License-Identifier: MIT
// Tells when a launch can never end because every CTA that runs waits in a loop.
#pragma once

#include <cstdint>
#include <mutex>

namespace cuemu {

// A worker is idle when all warps of its CTA wait at barriers or have come round a loop with
// nothing changed. When all workers are idle, and each has run its warps once more since the last
// of them became so, nothing will ever change.
class Stalemate {
 public:
  // One worker's part in it.
  struct Member {
    bool idle = false;
    uint64_t round = 0;     // the generation when its present round of warps began
    uint64_t verified = 0;  // the generation for which it has been counted
  };

  explicit Stalemate(unsigned workers) : working_(workers) {}

  void begin_round(Member& m) {
    std::lock_guard lock(mutex_);
    m.round = generation_;
  }
  // True when the launch is stuck.
  bool end_round(Member& m, bool changed) {
    std::lock_guard lock(mutex_);
    if (changed == m.idle) {
      m.idle = !changed;
      changed ? --idle_ : ++idle_;
      new_generation();
      return false;
    }
    if (changed || idle_ != working_ || m.round != generation_ || m.verified == generation_)
      return false;
    m.verified = generation_;
    return ++verified_ == working_;
  }
  void worker_ends(Member& m) {
    std::lock_guard lock(mutex_);
    if (m.idle) --idle_;
    --working_;
    new_generation();
  }

 private:
  void new_generation() {
    ++generation_;
    verified_ = 0;
  }

  std::mutex mutex_;
  uint64_t generation_ = 1;
  unsigned working_, idle_ = 0, verified_ = 0;
};

}  // namespace cuemu
