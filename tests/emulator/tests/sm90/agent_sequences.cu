// SPDX-License-Identifier: MIT
// Races and missing fences in sequences of accesses by warps and by bulk copies, against a model: what happens before what is
// a graph of events, and two accesses race where no path leads from one to the other and one of them writes.
#include <random>
#include <string>
#include <vector>

#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace agent_sequence_tests {

using namespace hopper;

constexpr int kLines = 3, kWarps = 3, kSteps = 12, kWords = 4 * kLines;

enum class Kind { read, write, fill, store, wait_for_reads, fence, hand_over, barrier };
constexpr unsigned kKinds = 8;

struct Step {
  Kind kind;
  unsigned warp;
  unsigned word, words;  // that are read or written: one, or a line
  unsigned waiting;      // of fill and hand_over: the warps that wait, a bit each
};

struct Steps {
  Step step[kSteps];
};

// Lane 0 of each warp does all.
__global__ void run_steps(Steps steps, const uint4* from, uint4* to) {
  __shared__ alignas(16) uint32_t words[kWords];
  __shared__ alignas(8) uint64_t barriers[kSteps];
  if (threadIdx.x == 0) {
    for (uint32_t& w : words) *const_cast<volatile uint32_t*>(&w) = 1;
    fence_async();
    for (uint64_t& b : barriers) init(address_of(&b), 1);
    fence_init();
  }
  __syncthreads();
  const unsigned warp = threadIdx.x / 32;
  const bool acts = threadIdx.x % 32 == 0;
  for (int i = 0; i < kSteps; ++i) {
    const Step& s = steps.step[i];
    const uint32_t at = address_of(words + s.word), barrier = address_of(&barriers[i]);
    if (s.kind == Kind::barrier) __syncthreads();
    if (!acts) continue;
    if (s.warp == warp) {
      uint32_t v = 7;
      if (s.kind == Kind::read && s.words == 1)
        asm volatile("ld.shared.u32 %0, [%1];" : "=r"(v) : "r"(at) : "memory");
      if (s.kind == Kind::read && s.words == 4)
        asm volatile("ld.shared.v4.u32 {%0, %0, %0, %0}, [%1];" : "=r"(v) : "r"(at) : "memory");
      if (s.kind == Kind::write && s.words == 1)
        asm volatile("st.shared.u32 [%0], %1;" ::"r"(at), "r"(v) : "memory");
      if (s.kind == Kind::write && s.words == 4)
        asm volatile("st.shared.v4.u32 [%0], {%1, %1, %1, %1};" ::"r"(at), "r"(v) : "memory");
      if (s.kind == Kind::fill) {
        arrive_expect(barrier, 16);
        asm volatile(
            "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], 16, "
            "[%2];" ::"r"(at),
            "l"(from), "r"(barrier)
            : "memory");
      }
      if (s.kind == Kind::store)
        asm volatile(
            "cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], 16;\n"
            "cp.async.bulk.commit_group;" ::"l"(to),
            "r"(at)
            : "memory");
      if (s.kind == Kind::wait_for_reads)
        asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory");
      if (s.kind == Kind::fence) fence_async();
      if (s.kind == Kind::hand_over) arrive(barrier);
    }
    if ((s.waiting >> warp & 1) != 0) wait(barrier, 0);
  }
  if (!acts) return;
  asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
  if (warp != 0) return;
  for (int i = 0; i < kSteps; ++i)
    if (steps.step[i].kind == Kind::fill) wait(address_of(&barriers[i]), 0);
}

// --- The model

struct Event {
  std::vector<int> before;  // events that happen before, directly
  int step = -1;
  bool by_agent = false, reads = false, writes = false;
};

struct Model {
  explicit Model(const Steps& s) : steps(s) {
    std::vector<int> last(kWarps), stores[kWarps];
    const int begin = add({});  // writes all, and fences
    std::fill(last.begin(), last.end(), begin);
    const auto of_warp = [&](unsigned warp, int step) {
      return last[warp] = add({last[warp]}, step);
    };
    for (int i = 0; i < kSteps; ++i) {
      const Step& step = s.step[i];
      if (step.kind == Kind::barrier) {
        const int all = add(last, i);
        std::fill(last.begin(), last.end(), all);
        continue;
      }
      int signal = of_warp(step.warp, i);
      events[signal].reads = step.kind == Kind::read;
      events[signal].writes = step.kind == Kind::write;
      if (step.kind == Kind::fill || step.kind == Kind::store) {
        const int agent = signal = add({signal}, i);
        events[agent].by_agent = true;
        events[agent].writes = step.kind == Kind::fill;
        events[agent].reads = step.kind == Kind::store;
        if (step.kind == Kind::store) stores[step.warp].push_back(agent);
      }
      if (step.kind == Kind::wait_for_reads)
        events[signal].before.insert(events[signal].before.end(), stores[step.warp].begin(),
                                     stores[step.warp].end());
      for (unsigned w = 0; w < kWarps; ++w)
        if ((step.waiting >> w & 1) != 0) events[of_warp(w, -1)].before.push_back(signal);
    }
  }

  int add(std::vector<int> before, int step = -1) {
    Event e;
    e.before = std::move(before);
    e.step = step;
    events.push_back(e);
    return static_cast<int>(events.size()) - 1;
  }
  // Events come in an order in which all that happens before another comes before it.
  bool happens_before(int a, int b) const {
    if (a >= b) return a == b;
    for (int e : events[b].before)
      if (happens_before(a, e)) return true;
    return false;
  }
  bool touches(int event, unsigned word) const {
    const Event& e = events[event];
    if (!e.reads && !e.writes) return false;
    const Step& s = steps.step[e.step];
    return word >= s.word && word < s.word + s.words;
  }
  bool has_race() const {
    for (int b = 0; b < size(); ++b)
      for (int a = 0; a < b; ++a)
        if ((events[a].writes || events[b].writes) && !happens_before(a, b))
          for (unsigned word = 0; word < kWords; ++word)
            if (touches(a, word) && touches(b, word)) return true;
    return false;
  }
  // Of sequences without a race.
  bool lacks_fence() const {
    for (int store = 0; store < size(); ++store) {
      if (!events[store].by_agent || !events[store].reads) continue;
      for (unsigned word = 0; word < kWords; ++word) {
        int last = -1;
        for (int e = 0; e < store; ++e)
          if (touches(e, word) && events[e].writes && happens_before(e, store)) last = e;
        if (touches(store, word) && last >= 0 && !events[last].by_agent && !is_fenced(last, store))
          return true;
      }
    }
    return false;
  }
  bool is_fenced(int write, int store) const {
    for (int e = write; e < store; ++e) {
      if (events[e].step < 0) continue;
      const Step& s = steps.step[events[e].step];
      if (s.kind == Kind::fence && s.warp == steps.step[events[write].step].warp &&
          happens_before(write, e) && happens_before(e, store))
        return true;
    }
    return false;
  }
  int size() const { return static_cast<int>(events.size()); }

  const Steps& steps;
  std::vector<Event> events;
};

Steps draw(std::mt19937& random) {
  const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
  // Some sequences have more of what orders than others.
  const unsigned order = below(3);
  Steps steps;
  for (Step& s : steps.step) {
    s.kind = static_cast<Kind>(below(kKinds));
    if (below(4) < order) s.kind = below(3) == 0 ? Kind::barrier : Kind::hand_over;
    s.warp = below(kWarps);
    s.words = s.kind == Kind::fill || s.kind == Kind::store || below(2) == 0 ? 4 : 1;
    s.word = s.words == 4 ? 4 * below(kLines) : below(kWords);
    s.waiting = s.kind == Kind::fill || s.kind == Kind::hand_over ? below(1u << kWarps) : 0;
  }
  return steps;
}

std::string describe(const Steps& steps) {
  static const char* const kVerbs[kKinds] = {"reads",           "writes", "fills",   "stores",
                                             "waits for reads", "fences", "arrives", "barrier"};
  std::string text;
  for (const Step& s : steps.step) {
    text += (s.kind == Kind::barrier ? "" : "warp " + std::to_string(s.warp) + " ") +
            kVerbs[static_cast<int>(s.kind)];
    if (s.kind <= Kind::store)
      text += ' ' + std::to_string(s.words) + " at " + std::to_string(s.word);
    for (unsigned w = 0; w < kWarps; ++w)
      if ((s.waiting >> w & 1) != 0) text += ", warp " + std::to_string(w) + " waits";
    text += "; ";
  }
  return text;
}

TEST(HopperAgentSequences, races_and_missing_fences) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const auto from = zeroed<uint4>(1), to = zeroed<uint4>(1);
  const Switch races("race", 1), uninitialised("uninit", 1);
  std::mt19937 random(3);
  int racing = 0, unfenced = 0, right = 0, failed = 0;
  for (int i = 0; i < 5000 && failed < 3; ++i) {
    const Steps steps = draw(random);
    const Model model(steps);
    run_steps<<<1, 32 * kWarps>>>(steps, from.get(), to.get());
    cudaDeviceSynchronize();
    char fault[1024] = "";
    cuemu_last_fault(fault, sizeof fault);
    const std::string text = fault, kind = text.substr(0, text.find(':'));
    bool expected;
    if (model.has_race()) {
      ++racing;
      // What races may lack a fence, too; a fill that races poisons what is read.
      expected = kind == "race" || kind == "bulk-source-race" || kind == "missing-proxy-fence" ||
                 kind == "uninitialised-read";
    } else if (model.lacks_fence()) {
      ++unfenced;
      expected = kind == "missing-proxy-fence";
    } else {
      ++right;
      expected = text.empty();
    }
    failed += !EXPECT_TRUE(expected, describe(steps) + text);
    cuemu_clear_fault();
  }
  EXPECT_TRUE(
      racing > 500 && unfenced > 100 && right > 500,
      std::to_string(racing) + ", " + std::to_string(unfenced) + ", " + std::to_string(right));
}

}  // namespace agent_sequence_tests
