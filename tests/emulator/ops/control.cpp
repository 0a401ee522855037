// SPDX-License-Identifier: MIT
// Branches, calls of built-in functions, exits, barriers and fences.
#include <atomic>
#include <thread>

#include "../sim/checks.hpp"
#include "builtins.hpp"
#include "synchronise.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

void branch(Warp& w, const Instr& in, uint32_t mask) {
  w.branch(in, mask, in.target);
}

void decode_bra(Decoder& d) {
  const Operand& target = d.operand(0);
  if (target.kind != Operand::Kind::label)
    throw NotImplemented{"branch to something that is no label"};
  Instr& in = d.emit(&branch);
  in.control = true;
  d.set_branch_target(in, target.bits);
}

// One target after the other; what is left when the lanes of the first have gone is executed again.
void branch_indexed(Warp& w, const Instr& in, uint32_t mask) {
  const std::vector<uint32_t>& table = w.worker->program->branch_tables[in.extra];
  const uint32_t* index = w.lanes<uint32_t>(in.a);
  const uint32_t first = index[first_lane(mask)];
  if (first >= table.size())
    raise_fault(w, in, "out-of-bounds", mask & (0u - mask),
                format("brx.idx: index %u of %zu", first, table.size()));
  uint32_t same = 0;
  each_lane(mask, [&](unsigned l) { same |= static_cast<uint32_t>(index[l] == first) << l; });
  if (same != mask) --w.ip;
  w.branch(in, same, table[first]);
}

void decode_brx(Decoder& d) {
  const uint32_t index = d.source(0, Type::u32);
  if (d.operand(1).kind != Operand::Kind::label) throw NotImplemented{"brx.idx without a table"};
  if (d.has_guard()) throw NotImplemented{"guarded brx.idx"};
  const auto table = static_cast<uint32_t>(d.operand(1).bits);
  Instr& in = d.emit(&branch_indexed);
  in.control = true;
  in.a = index;
  in.extra = table;
}

void leave(Warp& w, const Instr&, uint32_t mask) {
  w.exit(mask);
}

void decode_exit(Decoder& d) {
  d.emit(&leave).control = true;
}

void trap(Warp& w, const Instr& in, uint32_t mask) {
  raise_fault(w, in, "trap", mask, "trap executed");
}

void decode_trap(Decoder& d) {
  d.emit(&trap);
}

// --- Barriers
// -----------------------------------------------------------------------------------------------------------------

constexpr uint32_t kAligned = 1, kWaits = 2, kReduces = 4, kPopc = 8, kAnd = 16, kOr = 32;

void finish_reduction(Warp& w, const Instr& in, uint32_t mask, const Barrier& done) {
  if ((in.extra & kPopc) != 0) {
    map_lanes(w, mask, w.lanes<uint32_t>(in.dst), [&](uint32_t) { return done.true_votes; });
    return;
  }
  const bool result = (in.extra & kAnd) != 0 ? done.true_votes == done.votes : done.true_votes != 0;
  uint32_t& p = w.predicate(in.dst);
  p = (p & ~mask) | (result ? mask : 0);
}

// a: barrier number, b: thread count (or none), c: predicate of a reduction.
void barrier(Warp& w, const Instr& in, uint32_t mask) {
  const bool aligned = (in.extra & kAligned) != 0;
  if (aligned && mask != w.live()) {
    w.wait_for_lanes(in, mask);
    return;
  }
  const unsigned lane = first_lane(mask);
  const uint32_t id = w.lanes<uint32_t>(in.a)[lane];
  const uint32_t count = in.b == kNoSlot ? 0 : w.lanes<uint32_t>(in.b)[lane];
  if (id >= 16) raise_fault(w, in, "divergent-barrier", mask, format("there is no barrier %u", id));
  if (count % 32 != 0)
    raise_fault(w, in, "divergent-barrier", mask,
                format("barrier %u for %u threads, no multiple of 32", id, count));
  // With a thread count, a warp counts as a whole.
  const uint32_t threads = count != 0 && aligned ? 32 : static_cast<uint32_t>(std::popcount(mask));
  Cta& cta = *w.cta;
  if (cta.checks != nullptr) cta.checks->barrier_arrived(w, id);
  if ((in.extra & kReduces) != 0) {
    Barrier& b = cta.barriers[id];
    b.votes += static_cast<uint32_t>(std::popcount(mask));
    b.true_votes += static_cast<uint32_t>(std::popcount(mask & w.predicate(in.c)));
  }
  if ((in.extra & kWaits) != 0) {
    w.wait_at_barrier(in, mask, id, in.dst == kNoSlot ? nullptr : &finish_reduction);
  };
  cta.arrive(id, threads, count);
  if (w.active == 0 || !w.others.empty()) w.reschedule();
}

void warp_barrier(Warp& w, const Instr& in, uint32_t mask) {
  with_named_lanes(w, in, mask, in.a, [&](uint32_t here) {
    if ((here & ~w.unordered) != 0) w.unordered &= ~here;
  });
}

void decode_barrier(Decoder& d) {
  if (d.has("warp")) {
    const uint32_t a = d.source(0, Type::u32);
    Instr& in = d.emit(&warp_barrier);
    in.control = true;
    in.a = a;
    return;
  }
  if (d.has("cluster")) return decode_cluster_barrier(d);
  uint32_t flags = d.base() == "bar" || d.has("aligned") ? kAligned : 0u;
  if (!d.has("arrive")) flags |= kWaits;
  size_t next = 0;
  uint32_t dst = kNoSlot;
  if (d.has("red")) {
    flags |= kReduces;
    if (d.has("popc")) flags |= kPopc;
    if (d.has("and")) flags |= kAnd;
    if (d.has("or")) flags |= kOr;
    dst = d.has("popc") ? d.dest(next, Type::u32) : d.predicate_dest(d.operand(next));
    ++next;
  }
  const uint32_t id = d.source(next++, Type::u32);
  const size_t left = d.operand_count() - next - (d.has("red") ? 1 : 0);
  const uint32_t count = left > 0 ? d.source(next++, Type::u32) : kNoSlot;
  const uint32_t predicate = d.has("red") ? d.predicate_source(d.operand(next)) : kNoSlot;
  Instr& in = d.emit(&barrier);
  in.control = true;
  in.dst = dst, in.a = id, in.b = count, in.c = predicate;
  in.extra = flags;
}

// --- Fences, hints
// ----------------------------------------------------------------------------------------------------------------

void fence(Warp& w, const Instr& in, uint32_t mask) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (w.cta->checks != nullptr) w.cta->checks->fence(w, mask, static_cast<Fence>(in.extra));
}

void decode_fence(Decoder& d) {
  Fence kind = Fence::other;
  if (d.has("mbarrier_init")) kind = Fence::mbarrier_init;
  if (d.has("proxy") && d.has("async"))
    kind = d.has("global") ? Fence::of_global_proxy : Fence::async_proxy;
  d.emit(&fence).extra = static_cast<uint32_t>(kind);
}

void nothing(Warp&, const Instr&, uint32_t) {}

void decode_hint(Decoder& d) {
  d.emit(&nothing);
}

void decode_prefetch(Decoder& d) {
  d.has("tensormap") ? decode_tensor_map_prefetch(d) : decode_hint(d);
}

void zero(Warp& w, const Instr& in, uint32_t mask) {
  map_lanes(w, mask, w.lanes<uint64_t>(in.dst), [](uint32_t) { return uint64_t{0}; });
}

void decode_createpolicy(Decoder& d) {
  // "createpolicy.fractional... p, f" and its kin: a policy is a number that nothing here looks at.
  const uint32_t dst = d.dest(0, Type::b64);
  d.emit(&zero).dst = dst;
}

void sleep(Warp& w, const Instr&, uint32_t) {
  w.yield();
  std::this_thread::yield();
}

void decode_sleep(Decoder& d) {
  d.emit(&sleep).control = true;
}

// --- Functions that the device runtime provides
// -----------------------------------------------------------------------------------

void decode_call(Decoder& d) {
  const Operand& callee = d.operand(0);
  if (callee.kind != Operand::Kind::name) throw NotImplemented{"indirect call"};
  const Handler h = find_builtin(callee.name);
  if (h == nullptr) throw NotImplemented{"no such function"};
  // Results and arguments are parameters in local memory: their offsets.
  std::vector<uint32_t> places;
  for (size_t i = 1; i < d.operand_count(); ++i)
    places.push_back(static_cast<uint32_t>(d.operand(i).bits));
  const uint32_t* list = d.list(std::move(places));
  d.emit(h).list = list;
}

}  // namespace

std::span<const OpcodeEntry> control_opcodes() {
  static constexpr OpcodeEntry table[] = {
      {"bra", decode_bra},           {"brx", decode_brx},
      {"exit", decode_exit},         {"ret", decode_exit},
      {"trap", decode_trap},         {"brkpt", decode_trap},
      {"bar", decode_barrier},       {"barrier", decode_barrier},
      {"membar", decode_fence},      {"fence", decode_fence},
      {"prefetch", decode_prefetch}, {"prefetchu", decode_hint},
      {"discard", decode_hint},      {"applypriority", decode_hint},
      {"pmevent", decode_hint},      {"createpolicy", decode_createpolicy},
      {"nanosleep", decode_sleep},   {"call", decode_call}};
  return table;
}

}  // namespace cuemu
