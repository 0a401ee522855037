// SPDX-License-Identifier: MIT
// cp.async.bulk.tensor, cp.reduce.async.bulk.tensor and prefetches of tensors (PTX ISA 9.0, 9.7.9.25.5).
#include "../isa/address.hpp"
#include "../sim/access.hpp"
#include "../sim/fault.hpp"
#include "../sim/tensor_map.hpp"
#include "bulk_operands.hpp"
#include "lanes.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

// Of a tensor copy's place in shared memory (CUDA C++ Programming Guide, alignment of tensor memory accesses).
constexpr uint32_t kTensorAlignment = 128;
constexpr uint32_t kMapAlignment = 64;

// Instr::extra, beside an Action.
constexpr uint32_t kIm2col = 0x100, kReducesTensor = 0x200;

// The tensor map at a generic address: a kernel parameter, or in memory.
TensorMap map_at(Warp& w, const Instr& in, uint32_t lane, uint64_t address) {
  if (address % kMapAlignment != 0)
    raise_fault(w, in, "misaligned-access", 1u << lane,
                format("a tensor map at 0x%llx, no multiple of %u",
                       static_cast<unsigned long long>(address), kMapAlignment));
  TensorMap map;
  if (address >> kWindowShift == kParamWindow >> kWindowShift) {
    const uint64_t offset = address & kWindowOffset, end = w.worker->program->parameter_bytes;
    if (offset + sizeof map > end)
      raise_fault(
          w, in, "out-of-bounds", 1u << lane,
          format("a tensor map at byte %llu of the parameters, there are %llu",
                 static_cast<unsigned long long>(offset), static_cast<unsigned long long>(end)));
    std::memcpy(static_cast<void*>(&map), w.worker->parameters + offset, sizeof map);
  } else {
    check_global_range(w, in, lane, address, sizeof map, "tensor map");
    std::memcpy(static_cast<void*>(&map), reinterpret_cast<const void*>(address), sizeof map);
  }
  if (map.magic != TensorMap::kMagic)
    raise_fault(w, in, "tensor-map-misuse", 1u << lane,
                format("at 0x%llx is no tensor map", static_cast<unsigned long long>(address)));
  return map;
}

// count: the rank.
TensorMap checked_map(Warp& w, const Instr& in, uint32_t lane, const BulkOperands& o) {
  const TensorMap map = map_at(w, in, lane, global_address(w, lane, o));
  const bool wants_im2col = (in.extra & kIm2col) != 0;
  if (map.rank != in.count || (map.mode == TensorMap::Mode::im2col) != wants_im2col)
    raise_fault(w, in, "tensor-map-misuse", 1u << lane,
                format("the tensor map is of %u dimensions, %s", map.rank,
                       map.mode == TensorMap::Mode::im2col ? "im2col" : "tiled"));
  return map;
}

TensorAccess access_of(Warp& w, const Instr& in, uint32_t lane, const BulkOperands& o) {
  TensorAccess access;
  for (unsigned i = 0; i < in.count; ++i)
    access.start[i] = w.lanes<int32_t>(o.coordinates[i])[lane];
  for (unsigned i = 0; i < 3; ++i)
    if (o.offsets[i] != kNoSlot) access.offsets[i] = w.lanes<uint16_t>(o.offsets[i])[lane];
  return access;
}

void expect_no_objection(Warp& w, const Instr& in, uint32_t lane, const TensorMap& map,
                         const TensorAccess& access) {
  if (const Objection o = objection_to(map, access); o.kind != nullptr)
    raise_fault(w, in, o.kind, 1u << lane, o.text);
}

// All of them at once where they lie in one allocation, as those of a tensor do.
void check_pieces(Warp& w, const Instr& in, uint32_t lane, const std::vector<CopyPiece>& pieces) {
  uint64_t first = ~uint64_t{0}, behind = 0;
  for (const CopyPiece& p : pieces) {
    if (p.global == 0) continue;
    first = std::min(first, p.global);
    behind = std::max(behind, p.global + p.bytes);
  }
  if (behind == 0) return;
  const Region* r = w.worker->site_region[in.site];
  if (r != nullptr && r->holds(first, behind)) return;
  for (const CopyPiece& p : pieces)
    if (p.global != 0) check_global_range(w, in, lane, p.global, p.bytes, "tensor copy");
}

void expect_known_fill(Warp& w, const Instr& in, uint32_t lane, const TensorMap& map,
                       const std::vector<CopyPiece>& pieces) {
  if (!map.fills_nan) return;
  for (const CopyPiece& p : pieces)
    if (p.global == 0)
      raise_fault(w, in, "unprobed", 1u << lane, "which NaN fills what is outside the tensor");
}

BulkCopy begin_tensor_copy(const Instr& in, uint32_t lane, const TensorMap& map,
                           BulkCopy::Direction direction) {
  BulkCopy copy;
  copy.direction = direction;
  copy.in = &in;
  copy.lane = lane;
  copy.swizzle = map.swizzle;
  return copy;
}

void load_tensor(Warp& w, const Instr& in, uint32_t mask) {
  const BulkOperands o = operands_of(in);
  each_lane(mask, [&](unsigned l) {
    const TensorMap map = checked_map(w, in, l, o);
    const TensorAccess access = access_of(w, in, l, o);
    expect_no_objection(w, in, l, map, access);
    BulkCopy copy = begin_tensor_copy(in, l, map, BulkCopy::Direction::to_shared);
    uint32_t to = 0;
    aim_at_shared(w, in, l, o, map.box_bytes(), kTensorAlignment, copy, to);
    copy.pieces = pieces_of(map, access, to);
    check_pieces(w, in, l, copy.pieces);
    expect_known_fill(w, in, l, map, copy.pieces);
    issue_bulk_copy(w, std::move(copy));
  });
}

void store_tensor(Warp& w, const Instr& in, uint32_t mask) {
  const BulkOperands o = operands_of(in);
  each_lane(mask, [&](unsigned l) {
    const TensorMap map = checked_map(w, in, l, o);
    TensorAccess access = access_of(w, in, l, o);
    access.stores = true;
    expect_no_objection(w, in, l, map, access);
    BulkCopy copy = begin_tensor_copy(in, l, map, BulkCopy::Direction::to_global);
    const SharedPlace from = own_place(w, in, l, o.shared);
    check_shared_range(w, in, l, *from.cta, from.offset, map.box_bytes(), kTensorAlignment,
                       "tensor copy");
    copy.pieces = pieces_of(map, access, from.offset);
    check_pieces(w, in, l, copy.pieces);
    if ((in.extra & kReducesTensor) != 0) {
      copy.reduce = reduction_of(static_cast<Action>(in.extra & 0xFF), map.element);
      if (copy.reduce == nullptr || map.element == Type::f64)
        raise_fault(w, in, "tensor-map-misuse", 1u << l,
                    "no such reduction of a tensor of this element type");
    }
    issue_bulk_copy(w, std::move(copy));
  });
}

void prefetch_tensor(Warp& w, const Instr& in, uint32_t mask) {
  const BulkOperands o = operands_of(in);
  each_lane(mask, [&](unsigned l) {
    expect_no_objection(w, in, l, checked_map(w, in, l, o), access_of(w, in, l, o));
  });
}

void prefetch_map(Warp& w, const Instr& in, uint32_t mask) {
  const BulkOperands o = operands_of(in);
  each_lane(mask, [&](unsigned l) { map_at(w, in, l, global_address(w, l, o)); });
}

uint8_t rank_of(const Decoder& d) {
  for (std::string_view m : d.modifiers())
    if (m.size() == 2 && m[1] == 'd' && m[0] >= '1' && m[0] <= '5')
      return static_cast<uint8_t>(m[0] - '0');
  throw NotImplemented{"a tensor copy without its dimensions"};
}

// "[map, {coordinates}]"
void read_tensor_operand(Decoder& d, size_t i, unsigned rank, BulkOperands& o) {
  read_global_operand(d, i, o);
  const std::vector<Operand>& items = d.operand(i).items;
  if (items.size() != 1 || items[0].items.size() != rank)
    throw NotImplemented{"a coordinate for each dimension is expected"};
  for (unsigned n = 0; n < rank; ++n) o.coordinates[n] = d.source(items[0].items[n], Type::s32);
}

void read_im2col_offsets(Decoder& d, size_t i, unsigned rank, BulkOperands& o) {
  const std::vector<Operand>& items = d.operand(i).items;
  if (rank < 3 || items.size() != rank - 2)
    throw NotImplemented{"an offset for each dimension of the image is expected"};
  for (unsigned n = 0; n + 2 < rank; ++n) o.offsets[n] = d.source(items[n], Type::u16);
}

void emit_tensor_copy(Decoder& d, Handler handler, uint8_t rank, uint32_t flags,
                      const BulkOperands& o) {
  const uint32_t site = d.next_site();
  d.touches_shared(16);
  Instr& in = d.emit(handler);
  in.count = rank;
  in.extra = flags;
  in.site = site;
  keep_operands(d, in, o);
}

}  // namespace

void decode_tensor_copy(Decoder& d) {
  expect_modifiers(d,
                   " async bulk tensor reduce prefetch L2 1d 2d 3d 4d 5d shared::cta "
                   "shared::cluster global tile im2col im2col_no_offs mbarrier::complete_tx::bytes "
                   "bulk_group multicast::cluster L2::cache_hint add min max inc dec and or xor ");
  const uint8_t rank = rank_of(d);
  const bool reads_im2col = d.has("im2col");
  uint32_t flags = reads_im2col || d.has("im2col_no_offs") ? kIm2col : 0;
  BulkOperands o;
  if (d.has("prefetch")) {
    read_tensor_operand(d, 0, rank, o);
    if (reads_im2col) read_im2col_offsets(d, 1, rank, o);
    return emit_tensor_copy(d, &prefetch_tensor, rank, flags, o);
  }
  if (d.has("bulk_group")) {
    if (d.has("reduce")) flags |= kReducesTensor | static_cast<uint32_t>(action_of(d));
    read_tensor_operand(d, 0, rank, o);
    o.shared = shared_operand(d, 1);
    return emit_tensor_copy(d, &store_tensor, rank, flags, o);
  }
  o.shared = shared_operand(d, 0);
  read_tensor_operand(d, 1, rank, o);
  o.signal = shared_operand(d, 2);
  if (reads_im2col) read_im2col_offsets(d, 3, rank, o);
  if (d.has("multicast::cluster")) o.ctas = d.source(reads_im2col ? 4 : 3, Type::u16);
  emit_tensor_copy(d, &load_tensor, rank, flags, o);
}

// Of data there is nothing to check.
void decode_tensor_map_prefetch(Decoder& d) {
  BulkOperands o;
  read_global_operand(d, 0, o);
  const uint32_t site = d.next_site();
  Instr& in = d.emit(&prefetch_map);
  in.site = site;
  keep_operands(d, in, o);
}

}  // namespace cuemu
