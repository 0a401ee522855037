// SPDX-License-Identifier: MIT
#include "slots.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "wgmma_registers.hpp"

namespace cuemu {
namespace {

struct Interval {
  uint32_t first = ~0u, last = 0;
  uint32_t block = ~0u;   // the basic block of the first occurrence
  bool one_block = true;  // all occurrences lie in it, and the first one defines the register
};

struct Loop {
  uint32_t begin, end;
};

bool defines_first_operand(std::string_view opcode) {
  const std::string_view base = opcode.substr(0, opcode.find('.'));
  for (std::string_view b : {"st", "red", "bra", "bar", "barrier", "cp", "stmatrix", "call", "brx",
                             "membar", "fence", "prefetch", "nanosleep", "ret", "exit"})
    if (base == b) return base.starts_with("bar") && opcode.find(".red") != std::string_view::npos;
  return true;
}

class Planner {
 public:
  explicit Planner(const FlatProgram& program)
      : program_(program), wgmma_registers_(program), intervals_(program.registers.size()) {}

  SlotPlan run() {
    find_blocks();
    for (uint32_t i = 0; i < program_.code.size(); ++i) visit(i);
    stretch_over_wgmma();
    stretch_over_loops();
    return assign();
  }

 private:
  static bool is_branch(const FlatInstruction& in) {
    return in.opcode.starts_with("bra") && !in.opcode.starts_with("brev") &&
           !in.opcode.starts_with("bre");
  }

  void find_blocks() {
    const auto count = static_cast<uint32_t>(program_.code.size());
    std::vector<bool> leader(count + 1, false);
    for (uint32_t target : program_.labels) leader[target] = true;
    for (uint32_t i = 0; i < count; ++i) {
      const FlatInstruction& in = program_.code[i];
      const bool indexed = in.opcode.starts_with("brx");
      if (!is_branch(in) && !indexed) continue;
      leader[i + 1] = true;
      for (const Operand& o : in.operands) {
        if (o.kind != Operand::Kind::label) continue;
        if (!indexed) {
          add_loop(program_.labels[o.bits], i);
        } else {
          for (uint32_t label : program_.branch_targets[o.bits])
            add_loop(program_.labels[label], i);
        }
      }
    }
    block_of_.resize(count);
    uint32_t block = 0;
    for (uint32_t i = 0; i < count; ++i) block_of_[i] = leader[i] ? ++block : block;
  }

  void add_loop(uint32_t target, uint32_t branch) {
    if (target <= branch) loops_.push_back({target, branch});
  }

  void occurrence(uint32_t reg, uint32_t at, bool defines) {
    Interval& v = intervals_[reg];
    if (v.first == ~0u) {
      v.first = at;
      v.block = block_of_[at];
      v.one_block = defines;
    }
    v.last = at;
    v.one_block &= v.block == block_of_[at];
  }

  void operand(const Operand& o, uint32_t at, bool defines) {
    if (o.kind == Operand::Kind::reg) occurrence(o.reg, at, defines);
    if (o.kind == Operand::Kind::address && o.has_base) occurrence(o.reg, at, false);
    if (o.has_second) occurrence(o.second, at, defines);
    for (const Operand& item : o.items)
      operand(item, at, defines && o.kind == Operand::Kind::vector);
  }

  void visit(uint32_t at) {
    const FlatInstruction& in = program_.code[at];
    if (in.guard != kNoRegister) occurrence(in.guard, at, false);
    const bool defines = in.guard == kNoRegister && defines_first_operand(in.opcode);
    // Sources first: in "add r, r, 1" the first occurrence of r is a use.
    for (size_t i = 1; i < in.operands.size(); ++i) operand(in.operands[i], at, false);
    if (!in.operands.empty()) operand(in.operands[0], at, defines);
  }

  // Registers of a wgmma are in use until it has been waited for: until all of them have.
  void stretch_over_wgmma() {
    if (wgmma_registers_.count() == 0) return;
    const auto count = static_cast<uint32_t>(program_.code.size());
    std::vector<uint32_t> next_wait(count);
    for (uint32_t i = count, wait = count - 1; i-- > 0;) {
      const FlatInstruction& in = program_.code[i];
      if (in.opcode.starts_with("wgmma.wait_group") && in.guard == kNoRegister &&
          in.operands.size() == 1 && in.operands[0].bits == 0)
        wait = i;
      next_wait[i] = wait;
    }
    for (uint32_t r = 0; r < intervals_.size(); ++r) {
      Interval& v = intervals_[r];
      if (!wgmma_registers_.contains(r)) continue;
      v.last = next_wait[v.last];
      v.one_block = false;
    }
  }

  // A register that is alive anywhere in a loop may be alive all through it, unless it lives within
  // one block.
  void stretch_over_loops() {
    std::sort(loops_.begin(), loops_.end(),
              [](const Loop& a, const Loop& b) { return a.end - a.begin < b.end - b.begin; });
    for (Interval& v : intervals_) {
      if (v.first == ~0u || v.one_block) continue;
      for (bool grown = true; grown;) {
        grown = false;
        for (const Loop& loop : loops_) {
          if (loop.begin > v.last || loop.end < v.first) continue;
          if (loop.begin >= v.first && loop.end <= v.last) continue;
          v.first = std::min(v.first, loop.begin);
          v.last = std::max(v.last, loop.end);
          grown = true;
        }
      }
    }
  }

  static unsigned slot_class(Type t) {
    switch (slot_bytes(bytes_of(t))) {
      case 2:
        return bytes_of(t) == 0 ? 0 : 1;
      case 4:
        return 2;
      case 8:
        return 3;
      default:
        return 4;
    }
  }

  SlotPlan assign() {
    static constexpr std::array<uint32_t, 5> class_bytes = {4, 64, 128, 256, 512};
    std::vector<uint32_t> order;
    for (uint32_t r = 0; r < intervals_.size(); ++r)
      if (intervals_[r].first != ~0u) order.push_back(r);
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return intervals_[a].first < intervals_[b].first; });
    // Slots of one class only are shared, so two of them are the same lanes or disjoint.
    struct Busy {
      uint32_t last, slot;
      bool operator<(const Busy& other) const { return last > other.last; }
    };
    std::array<std::vector<Busy>, 5> busy;  // heaps, earliest end first
    std::array<std::vector<uint32_t>, 5> free;
    std::array<uint32_t, 5> slots{};
    std::vector<uint32_t> slot(intervals_.size(), 0);
    for (uint32_t r : order) {
      const Interval& v = intervals_[r];
      const unsigned c = slot_class(program_.registers[r]);
      while (!busy[c].empty() && busy[c].front().last < v.first) {
        free[c].push_back(busy[c].front().slot);
        std::pop_heap(busy[c].begin(), busy[c].end());
        busy[c].pop_back();
      }
      if (free[c].empty()) {
        slot[r] = slots[c]++;
      } else {
        slot[r] = free[c].back();
        free[c].pop_back();
      }
      busy[c].push_back({v.last, slot[r]});
      std::push_heap(busy[c].begin(), busy[c].end());
    }
    SlotPlan plan;
    plan.offset.resize(intervals_.size());
    std::array<uint32_t, 5> start{};
    for (unsigned c = 0; c < 5; ++c) {
      start[c] = plan.bytes;
      plan.bytes = (plan.bytes + slots[c] * class_bytes[c] + 63) / 64 * 64;
    }
    for (uint32_t r : order) {
      const unsigned c = slot_class(program_.registers[r]);
      plan.offset[r] = start[c] + slot[r] * class_bytes[c];
    }
    return plan;
  }

  const FlatProgram& program_;
  const WgmmaRegisters wgmma_registers_;
  std::vector<Interval> intervals_;
  std::vector<uint32_t> block_of_;
  std::vector<Loop> loops_;
};

}  // namespace

SlotPlan plan_slots(const FlatProgram& program) {
  return Planner(program).run();
}

}  // namespace cuemu
