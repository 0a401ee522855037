// SPDX-License-Identifier: MIT
// Launches: the worker threads, the counters and the switches.
#include "launch.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "checks.hpp"
#include "warp.hpp"

namespace cuemu {
namespace {

unsigned worker_count() {
  if (const char* text = std::getenv("CUEMU_THREADS"))
    if (int n = std::atoi(text); n > 0) return static_cast<unsigned>(n);
  return std::max(1u, std::thread::hardware_concurrency());
}

// Counters are plain sums of 64-bit fields behind the first, which is the structure's size.
constexpr size_t kCounterFields = sizeof(cuemu_counters) / sizeof(uint64_t);

void add_counters(cuemu_counters& sum, const cuemu_counters& part) {
  uint64_t to[kCounterFields], from[kCounterFields];
  std::memcpy(to, &sum, sizeof to);
  std::memcpy(from, &part, sizeof from);
  for (size_t i = 1; i < kCounterFields; ++i) to[i] += from[i];
  std::memcpy(&sum, to, sizeof to);
}

class Pool {
 public:
  Pool() : workers_(worker_count()) {
    for (auto& w : workers_) w = std::make_unique<Worker>();
    for (size_t i = 1; i < workers_.size(); ++i) std::thread([this, i] { serve(i); }).detach();
  }

  unsigned workers_for(uint64_t ctas) const {
    return static_cast<unsigned>(std::clamp<uint64_t>(ctas, 1, workers_.size()));
  }

  void run(LaunchState& state) {
    std::lock_guard turn(turn_);
    const size_t wanted = workers_for(state.end_cta - state.next_cta);
    if (wanted > 1) {
      std::lock_guard lock(mutex_);
      state_ = &state;
      ++generation_;
      helpers_ = running_ = wanted - 1;
      wake_.notify_all();
    }
    run_ctas(*workers_[0], state);
    if (wanted > 1) {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [&] { return running_ == 0; });
    }
    std::lock_guard lock(counter_mutex_);
    ++counters_.launches;
    for (size_t i = 0; i < wanted; ++i) {
      add_counters(counters_, workers_[i]->counters);
      for (SectorChunk* chunk : workers_[i]->dirtied) chunk->clear();
      workers_[i]->dirtied.clear();
    }
  }

  void read(cuemu_counters& out) {
    std::lock_guard lock(counter_mutex_);
    counters_.size = out.size;
    std::memcpy(&out, &counters_, std::min<size_t>(out.size, sizeof out));
  }
  void reset() {
    std::lock_guard lock(counter_mutex_);
    counters_ = {};
  }

 private:
  void serve(size_t index) {
    uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return generation_ != seen; });
      seen = generation_;
      if (index > helpers_) continue;
      LaunchState& state = *state_;
      lock.unlock();
      run_ctas(*workers_[index], state);
      lock.lock();
      if (--running_ == 0) done_.notify_all();
    }
  }

  std::vector<std::unique_ptr<Worker>> workers_;
  std::mutex turn_;  // one launch at a time
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  LaunchState* state_ = nullptr;
  uint64_t generation_ = 0;
  size_t helpers_ = 0, running_ = 0;
  std::mutex counter_mutex_;
  cuemu_counters counters_{};
};

// Never destroyed: its threads outlive main().
Pool& pool() {
  static Pool& p = *new Pool;
  return p;
}

struct CtaRange {
  uint64_t begin, end;
};

// What choose_ctas() asked for.
struct CtaChoice {
  std::mutex mutex;
  int64_t first = 0;
  uint64_t count = 0;
};
CtaChoice& cta_choice() {
  static CtaChoice& choice = *new CtaChoice;
  return choice;
}

CtaRange chosen_ctas(uint64_t ctas) {
  CtaChoice& choice = cta_choice();
  std::lock_guard lock(choice.mutex);
  if (choice.count == 0) return {0, ctas};
  const uint64_t from_end = 0 - static_cast<uint64_t>(choice.first);
  uint64_t begin = static_cast<uint64_t>(choice.first), count = choice.count;
  if (choice.first < 0) {
    begin = ctas - std::min(ctas, from_end);
    count -= std::min(count, from_end - (ctas - begin));
  }
  begin = std::min(begin, ctas);
  return {begin, begin + std::min(count, ctas - begin)};
}

std::optional<Fault> invalid(const std::string& name, const std::string& why) {
  return Fault{"invalid-launch", "invalid-launch: " + why + "; kernel " + name};
}

}  // namespace

Switches& switches() {
  static Switches& s = [&]() -> Switches& {
    auto& fresh = *new Switches;
    if (const char* checks = std::getenv("CUEMU_CHECK")) {
      fresh.uninitialised = std::strstr(checks, "uninit") != nullptr;
      fresh.race = std::strstr(checks, "race") != nullptr;
    }
    if (const char* async = std::getenv("CUEMU_ASYNC"))
      fresh.late = std::strcmp(async, "eager") != 0;
    return fresh;
  }();
  return s;
}

int set_switch(const char* name, int value) {
  const std::string_view which = name;
  if (which == "uninit") return switches().uninitialised.exchange(value);
  if (which == "race") return switches().race.exchange(value);
  if (which == "late") return switches().late.exchange(value);
  return -1;
}

bool copies_are_late() {
  return switches().late.load() != 0;
}

void choose_ctas(int64_t first, uint64_t count) {
  CtaChoice& choice = cta_choice();
  std::lock_guard lock(choice.mutex);
  choice.first = first;
  choice.count = count;
}

void read_counters(cuemu_counters& out) {
  pool().read(out);
}
void reset_counters() {
  pool().reset();
}

std::optional<Fault> run(const Launch& launch) {
  const Kernel& kernel = *launch.kernel;
  const KernelInfo& info = kernel.info;
  const Program& program = kernel.program;
  const uint64_t threads = uint64_t{launch.block.x} * launch.block.y * launch.block.z;
  const uint64_t ctas = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  if (threads == 0 || ctas == 0) return invalid(program.pretty_name, "empty grid or block");
  if (threads > 1024 || threads > info.max_threads)
    return invalid(program.pretty_name, "a block of " + std::to_string(threads) +
                                            " threads, the kernel allows " +
                                            std::to_string(info.max_threads));
  const uint64_t shared = uint64_t{program.dynamic_shared_offset} + launch.dynamic_shared_bytes;
  if (shared >
      std::max(launch.limits.shared_bytes_per_block_optin, launch.limits.shared_bytes_per_block))
    return invalid(program.pretty_name,
                   std::to_string(shared) + " bytes of shared memory, more than a block may have");
  const CtaRange range = chosen_ctas(ctas);
  LaunchState state(pool().workers_for(range.end - range.begin));
  state.launch = &launch;
  state.program = &program;
  state.regions = regions_visible_to(launch.device);
  state.next_cta = range.begin;
  state.end_cta = range.end;
  pool().run(state);
  return state.fault;
}

}  // namespace cuemu
