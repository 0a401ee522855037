// SPDX-License-Identifier: MIT
// Launches: the worker threads, the counters and the switches.
#include "launch.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
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

  unsigned workers_for(uint64_t units) const {
    return static_cast<unsigned>(std::clamp<uint64_t>(units, 1, workers_.size()));
  }

  void run(LaunchState& state) {
    std::lock_guard turn(turn_);
    state.overlaps_previous = set_marks_aside(*state.launch, state.regions);
    const size_t wanted = workers_for(state.end_unit - state.next_unit);
    if (wanted > 1) {
      std::lock_guard lock(mutex_);
      state_ = &state;
      ++generation_;
      helpers_ = running_ = wanted - 1;
      wake_.notify_all();
    }
    run_units(*workers_[0], state);
    if (wanted > 1) {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [&] { return running_ == 0; });
    }
    std::lock_guard lock(counter_mutex_);
    ++counters_.launches;
    for (size_t i = 0; i < wanted; ++i) {
      add_counters(counters_, workers_[i]->counters);
      touched_.insert(touched_.end(), workers_[i]->dirtied.begin(), workers_[i]->dirtied.end());
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
  // Before a launch: forgets what the last one has touched, or keeps it apart where this one may overlap it. True: it has
  // been kept.
  bool set_marks_aside(const Launch& launch, const std::shared_ptr<const RegionTable>& regions) {
    for (SectorChunk* chunk : kept_) chunk->clear();
    kept_.clear();
    const bool keeps = launch.overlaps_previous && regions_ != nullptr && launch.stream == stream_;
    if (keeps) {
      kept_.swap(touched_);
      for (const auto& r : regions_->regions) {
        r->read.swap_marks(r->read_before);
        r->written.swap_marks(r->written_before);
      }
    } else {
      for (SectorChunk* chunk : touched_) chunk->clear();
      touched_.clear();
    }
    kept_in_ = keeps ? regions_ : nullptr;
    regions_ = regions;
    stream_ = launch.stream;
    return keeps;
  }

  void serve(size_t index) {
    uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return generation_ != seen; });
      seen = generation_;
      if (index > helpers_) continue;
      LaunchState& state = *state_;
      lock.unlock();
      run_units(*workers_[index], state);
      lock.lock();
      if (--running_ == 0) done_.notify_all();
    }
  }

  std::vector<std::unique_ptr<Worker>> workers_;
  std::mutex turn_;  // one launch at a time
  // What the last launch has touched, its stream, and its regions, so that they live; and the same of the one before it, while
  // that is of use.
  std::vector<SectorChunk*> touched_, kept_;
  std::shared_ptr<const RegionTable> regions_, kept_in_;
  uint64_t stream_ = 0;
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

// What a cooperative launch is given for the barriers of its grid: a size and the barrier's state, at first 0.
uint64_t fresh_grid_workspace(int device) {
  struct alignas(256) Workspace {
    uint32_t words[64];
  };
  static std::mutex& mutex = *new std::mutex;
  static auto& of_device = *new std::map<int, std::unique_ptr<Workspace>>;
  std::lock_guard lock(mutex);
  std::unique_ptr<Workspace>& w = of_device[device];
  if (w == nullptr) {
    w = std::make_unique<Workspace>();
    register_memory(w.get(), sizeof *w, MemoryKind::module_variable, device);
  }
  *w = {{sizeof *w}};
  return reinterpret_cast<uint64_t>(w.get());
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
    if (const char* async = std::getenv("CUEMU_ASYNC")) {
      fresh.late = std::strcmp(async, "eager") != 0;
      if (std::strncmp(async, "shuffled", 8) == 0)
        fresh.seed = async[8] == ':' ? std::max(std::atoi(async + 9), 1) : 1;
    }
    return fresh;
  }();
  return s;
}

int set_switch(const char* name, int value) {
  const std::string_view which = name;
  if (which == "uninit") return switches().uninitialised.exchange(value);
  if (which == "race") return switches().race.exchange(value);
  if (which == "late") return switches().late.exchange(value);
  if (which == "seed") return switches().seed.exchange(value);
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
  const Dim3& cluster = launch.cluster;
  const uint64_t of_cluster = uint64_t{cluster.x} * cluster.y * cluster.z;
  if (of_cluster == 0 || launch.grid.x % cluster.x != 0 || launch.grid.y % cluster.y != 0 ||
      launch.grid.z % cluster.z != 0)
    return invalid(program.pretty_name, "the grid is not a multiple of the cluster");
  const uint64_t unit_ctas = launch.cooperative ? ctas : of_cluster;
  // Of a cluster, or of a grid that must be there together, all or none.
  const CtaRange range = chosen_ctas(ctas);
  const uint64_t begin = range.begin / unit_ctas, end = (range.end + unit_ctas - 1) / unit_ctas;
  const uint64_t workspace = launch.cooperative ? fresh_grid_workspace(launch.device) : 0;
  LaunchState state(pool().workers_for(end - begin));
  state.launch = &launch;
  state.program = &program;
  state.grid_workspace = workspace;
  state.regions = regions_visible_to(launch.device);
  state.unit_ctas = static_cast<uint32_t>(unit_ctas);
  state.next_unit = begin;
  state.end_unit = end;
  pool().run(state);
  return state.fault;
}

}  // namespace cuemu
