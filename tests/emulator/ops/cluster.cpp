// SPDX-License-Identifier: MIT
// Clusters: their barrier, addresses in the shared memory of other CTAs, and st.async.
#include <cstring>

#include "../sim/access.hpp"
#include "../sim/checks.hpp"
#include "../sim/fault.hpp"
#include "../sim/previous_grid.hpp"
#include "bulk_operands.hpp"
#include "lanes.hpp"
#include "shared_operand.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

constexpr uint32_t kAlignedBarrier = 1, kRelaxed = 2;

void arrive_at_cluster(Warp& w, const Instr& in, uint32_t mask) {
  if ((in.extra & kAlignedBarrier) != 0 && mask != w.live()) return w.wait_for_lanes(in, mask);
  if (const uint32_t twice = mask & (w.at_cluster_barrier | w.may_leave_cluster_barrier))
    raise_fault(w, in, "divergent-barrier", twice,
                "barrier.cluster.arrive twice without barrier.cluster.wait");
  if (w.cta->checks != nullptr)
    w.cta->checks->cluster_barrier_arrived(w, (in.extra & kRelaxed) != 0);
  w.at_cluster_barrier |= mask;
  w.cta->cluster->arrive(static_cast<uint32_t>(std::popcount(mask)));
}

void wait_at_cluster(Warp& w, const Instr& in, uint32_t mask) {
  if ((in.extra & kAlignedBarrier) != 0 && mask != w.live()) return w.wait_for_lanes(in, mask);
  if (const uint32_t never = mask & ~(w.at_cluster_barrier | w.may_leave_cluster_barrier))
    raise_fault(w, in, "divergent-barrier", never,
                "barrier.cluster.wait without barrier.cluster.arrive");
  if ((mask & w.at_cluster_barrier) == 0) {
    w.may_leave_cluster_barrier &= ~mask;
    pass_cluster_barrier(w, mask);
    if (w.cta->checks != nullptr) w.cta->checks->cluster_barrier_waited(w);
    return;
  }
  w.wait_to_repeat(in, mask, Group::State::at_cluster);
  w.reschedule();
}

template <class Address>
void map_address(Warp& w, const Instr& in, uint32_t mask) {
  const Address* a = w.lanes<Address>(in.a);
  const uint32_t* rank = w.lanes<uint32_t>(in.b);
  each_lane(mask, [&](unsigned l) {
    if (rank[l] >= w.cta->cluster->size)
      raise_fault(
          w, in, "out-of-bounds", 1u << l,
          format("mapa to rank %u, the cluster has %u blocks", rank[l], w.cta->cluster->size));
  });
  const auto displacement = static_cast<uint32_t>(in.imm);
  const Address window = in.extra != 0 ? static_cast<Address>(kSharedWindow) : Address{0};
  map_lanes(w, mask, w.lanes<Address>(in.dst), [=](uint32_t l) {
    return static_cast<Address>(window |
                                map_to_rank(static_cast<uint32_t>(a[l]) + displacement, rank[l]));
  });
}

template <class Address>
void rank_of_address(Warp& w, const Instr& in, uint32_t mask) {
  const Address* a = w.lanes<Address>(in.a);
  const uint32_t own = w.cta->rank;
  map_lanes(w, mask, w.lanes<uint32_t>(in.dst), [=](uint32_t l) {
    const uint32_t rank = static_cast<uint32_t>(a[l]) >> kClusterRankShift;
    return rank == 0 ? own : rank - 1;
  });
}

void decode_mapa(Decoder& d) {
  const bool is_wide = d.type() == Type::u64;
  const Type t = is_wide ? Type::u64 : Type::u32;
  const uint32_t a = d.source(1, t), b = d.source(2, Type::u32), dst = d.dest(0, t);
  Instr& in = d.emit(is_wide ? &map_address<uint64_t> : &map_address<uint32_t>);
  in.dst = dst, in.a = a, in.b = b;
  in.extra = is_wide && !d.has("shared::cluster") ? 1 : 0;
}

void decode_getctarank(Decoder& d) {
  const bool is_wide =
      d.register_bytes(d.operand(1).reg) == 8 && d.operand(1).kind == Operand::Kind::reg;
  const uint32_t a = d.source(1, is_wide ? Type::u64 : Type::u32), dst = d.dest(0, Type::u32);
  Instr& in = d.emit(is_wide ? &rank_of_address<uint64_t> : &rank_of_address<uint32_t>);
  in.dst = dst, in.a = a;
}

// --- st.async

// a: address, b: the mbarrier, both of the cluster; list: the values; count: how many; imm: bytes of each.
void store_async(Warp& w, const Instr& in, uint32_t mask) {
  const SharedOperand to{in.a, static_cast<int32_t>(in.target), in.extra & 3};
  const SharedOperand signal{in.b, static_cast<int32_t>(in.imm >> 8), in.extra >> 2 & 3};
  const auto size = static_cast<uint32_t>(in.imm & 0xFF), bytes = size * in.count;
  each_lane(mask, [&](unsigned l) {
    const SharedPlace place = shared_place(w, in, l, shared_address(w, l, to));
    const SharedPlace barrier = shared_place(w, in, l, shared_address(w, l, signal));
    if (place.cta != barrier.cta)
      raise_fault(w, in, "barrier-misuse", 1u << l,
                  "the mbarrier is in another block than the bytes");
    alignas(64) uint32_t offset[32];
    std::fill_n(offset, 32, place.offset);
    check_shared(w, in, 1u << l, offset, bytes, "st.async");
    expect_no_mbarrier(w, in, 1u << l, *place.cta, offset, bytes);
    std::fill_n(offset, 32, barrier.offset);
    check_shared(w, in, 1u << l, offset, 8, "mbarrier");
    mbarrier_at(w, in, l, *barrier.cta, barrier.offset);
    BulkCopy copy;
    copy.direction = BulkCopy::Direction::to_cluster;
    copy.in = &in;
    copy.lane = l;
    copy.pieces = {{0, place.offset, bytes}};
    copy.ctas = 1u << place.cta->rank;
    copy.barrier = barrier.offset;
    copy.counted_bytes = bytes;
    copy.by_value = true;
    for (unsigned i = 0; i < in.count; ++i)
      std::memcpy(copy.value.data() + i * size, w.lanes<std::byte>(in.list[i]) + l * size, size);
    issue_bulk_copy(w, std::move(copy));
  });
}

}  // namespace

void decode_async_store(Decoder& d) {
  expect_modifiers(d, " async weak shared::cluster mbarrier::complete_tx::bytes v2 v4 ");
  const Type t = d.type();
  const unsigned size = bytes_of(t);
  if (size != 4 && size != 8) throw NotImplemented{"st.async of this type"};
  const SharedOperand to = shared_operand(d, 0), signal = shared_operand(d, 2);
  std::vector<uint32_t> slots;
  const Operand& value = d.operand(1);
  if (value.kind == Operand::Kind::vector)
    for (const Operand& o : value.items) slots.push_back(d.source(o, t));
  else
    slots.push_back(d.source(value, t));
  if (slots.size() * size > 16) throw NotImplemented{"a vector of this length"};
  const auto count = static_cast<uint8_t>(slots.size());
  d.touches_shared(size);
  const uint32_t* list = d.list(std::move(slots));
  Instr& in = d.emit(&store_async);
  in.a = to.slot, in.b = signal.slot;
  in.target = static_cast<uint32_t>(to.displacement);
  in.imm = int64_t{signal.displacement} << 8 | size;
  in.extra = to.form | signal.form << 2;
  in.list = list;
  in.count = count;
}

void decode_cluster_barrier(Decoder& d) {
  Instr& in = d.emit(d.has("arrive") ? &arrive_at_cluster : &wait_at_cluster);
  in.control = true;
  in.extra = (d.has("aligned") ? kAlignedBarrier : 0) | (d.has("relaxed") ? kRelaxed : 0);
}

std::span<const OpcodeEntry> cluster_opcodes() {
  static constexpr OpcodeEntry table[] = {{"mapa", decode_mapa}, {"getctarank", decode_getctarank}};
  return table;
}

}  // namespace cuemu
