// SPDX-License-Identifier: MIT
// ldmatrix and stmatrix: 8x8 matrices of 16-bit elements between shared memory and fragments.
//
// A fragment register over the 32 lanes is a row-major 8x8 matrix: lane l holds row l / 4, columns
// 2 (l % 4) and the next. So moving a matrix is copying 8 rows of 16 bytes.
#include <cstring>

#include "../isa/address.hpp"
#include "../sim/access.hpp"
#include "../sim/checks.hpp"
#include "synchronise.hpp"
#include "tables.hpp"
#include "vectors.hpp"

namespace cuemu {
namespace {

constexpr uint32_t kWideRows = 1, kGeneric = 2;

// The addresses of the rows, one in each of the first 8 * count lanes.
void row_offsets(Warp& w, const Instr& in, uint32_t rows, uint32_t* offset, const char* what) {
  if ((in.extra & kWideRows) != 0) {
    const uint64_t* a = w.lanes<uint64_t>(in.a);
    for (uint32_t l = 0; l < 32; ++l) {
      uint64_t address = a[l] + static_cast<uint64_t>(in.imm);
      if ((in.extra & kGeneric) != 0) address -= kSharedWindow;
      offset[l] = address > 0xFFFFFFFF ? 0xFFFFFFFF : static_cast<uint32_t>(address);
    }
  } else if (in.a == kNoSlot) {
    for (uint32_t l = 0; l < 32; ++l) offset[l] = static_cast<uint32_t>(in.imm);
  } else {
    const uint32_t* a = w.lanes<uint32_t>(in.a);
    for (uint32_t l = 0; l < 32; ++l) offset[l] = a[l] + static_cast<uint32_t>(in.imm);
  }
  fill_inactive(offset, rows);
  check_shared(w, in, rows, offset, 16, what);
}

uint32_t row_lanes(const Instr& in) {
  return in.count == 4 ? kAllLanes : (1u << (8 * in.count)) - 1;
}

template <bool kTranspose>
void load_matrix(Warp& w, const Instr& in, uint32_t mask) {
  if (!whole_warp_here(w, in, mask)) return;
  alignas(64) uint32_t offset[32];
  const uint32_t rows = row_lanes(in);
  row_offsets(w, in, rows, offset, "ldmatrix");
  count_shared(w.counters->ldmatrix, rows, offset, 16);
  if (w.cta->checks != nullptr) [[unlikely]]
    w.cta->checks->read(w, in, rows, offset, 16);
  const std::byte* shared = w.cta->shared;
  for (unsigned m = 0; m < in.count; ++m) {
    std::byte* d = w.lanes<std::byte>(in.list[m]);
    if constexpr (kTranspose) {
      alignas(64) std::byte matrix[128];
      for (unsigned r = 0; r < 8; ++r) std::memcpy(matrix + 16 * r, shared + offset[8 * m + r], 16);
      const Transposed8x8 t(matrix);
      store_vector(d, t.low);
      store_vector(d + 64, t.high);
    } else {
      for (unsigned r = 0; r < 8; ++r) std::memcpy(d + 16 * r, shared + offset[8 * m + r], 16);
    }
  }
}

template <bool kTranspose>
void store_matrix(Warp& w, const Instr& in, uint32_t mask) {
  if (!whole_warp_here(w, in, mask)) return;
  alignas(64) uint32_t offset[32];
  const uint32_t rows = row_lanes(in);
  row_offsets(w, in, rows, offset, "stmatrix");
  expect_no_mbarrier(w, in, rows, *w.cta, offset, 16);
  count_shared(w.counters->stmatrix, rows, offset, 16);
  if (w.cta->checks != nullptr) [[unlikely]]
    w.cta->checks->write(w, in, rows, offset, 16);
  std::byte* shared = w.cta->shared;
  for (unsigned m = 0; m < in.count; ++m) {
    const std::byte* s = w.lanes<std::byte>(in.list[m]);
    alignas(64) std::byte matrix[128];
    if constexpr (kTranspose) {
      const Transposed8x8 t(s);
      store_vector(matrix, t.low);
      store_vector(matrix + 64, t.high);
      s = matrix;
    }
    for (unsigned r = 0; r < 8; ++r) std::memcpy(shared + offset[8 * m + r], s + 16 * r, 16);
  }
}

void decode_matrix_move(Decoder& d) {
  const bool load = d.base() == "ldmatrix";
  if (!d.has("m8n8") || d.type() != Type::b16)
    throw NotImplemented{"matrices that are not 8x8 of 16 bits"};
  const Operand& at = d.operand(load ? 1 : 0);
  const Operand& registers = d.operand(load ? 0 : 1);
  if (at.kind != Operand::Kind::address) throw NotImplemented{"an address is expected"};
  std::vector<uint32_t> slots;
  auto add = [&](const Operand& o) {
    slots.push_back(load ? d.dest(o, Type::b32) : d.source(o, Type::b32));
  };
  if (registers.kind == Operand::Kind::vector)
    for (const Operand& o : registers.items) add(o);
  else
    add(registers);
  const size_t wanted = d.has("x4") ? 4 : d.has("x2") ? 2 : 1;
  if (slots.size() != wanted) throw NotImplemented{"wrong number of registers"};
  uint32_t flags = d.has("shared") || d.has("shared::cta") ? 0 : kGeneric;
  uint32_t base = kNoSlot;
  if (at.has_base) {
    const bool wide = d.register_bytes(at.reg) == 8;
    Operand o;
    o.kind = Operand::Kind::reg;
    o.reg = at.reg;
    base = d.source(o, wide ? Type::u64 : Type::u32);
    flags |= wide ? kWideRows : 0u;
  }
  const uint64_t displacement = at.has_base ? at.bits : d.symbol_address(at);
  const uint32_t* list = d.list(std::move(slots));
  const bool transpose = d.has("trans");
  Instr& in = d.emit(load ? (transpose ? &load_matrix<true> : &load_matrix<false>)
                          : (transpose ? &store_matrix<true> : &store_matrix<false>));
  in.control = true;
  in.a = base;
  in.imm = static_cast<int64_t>(displacement);
  in.list = list;
  in.count = static_cast<uint8_t>(wanted);
  in.extra = flags;
}

}  // namespace

std::span<const OpcodeEntry> matrix_opcodes() {
  static constexpr OpcodeEntry table[] = {{"ldmatrix", decode_matrix_move},
                                          {"stmatrix", decode_matrix_move}};
  return table;
}

}  // namespace cuemu
