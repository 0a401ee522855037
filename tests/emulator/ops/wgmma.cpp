// SPDX-License-Identifier: MIT
// wgmma.mma_async with 16-bit operands, and the fence and the groups that go with it (PTX ISA 9.0, section 9.7.15).
//
// Accumulation model, as of mma.sync and as little the chip's: products are exact, and are added one at a time, in the order
// of k, to an fp32 accumulator that is rounded to nearest at each step.
#include <algorithm>
#include <charconv>
#include <cstring>

#include "../sim/checks.hpp"
#include "columns.hpp"
#include "shared_matrix.hpp"
#include "synchronise.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

constexpr uint32_t kARegisters = 1, kTransposedA = 2, kTransposedB = 4, kNegative = 8;

// Instr::list: slots of A's four registers, if it comes from them, then of the accumulators; then their numbers, likewise.
struct WgmmaForm {
  explicit WgmmaForm(const Instr& in)
      : has_a_registers((in.extra & kARegisters) != 0),
        a_is_transposed((in.extra & kTransposedA) != 0),
        b_is_transposed((in.extra & kTransposedB) != 0),
        is_negative((in.extra & kNegative) != 0),
        groups(in.count) {
    const uint32_t a = has_a_registers ? 4 : 0, d = 4 * groups;
    const std::span<const uint32_t> all(in.list, size_t{2} * (a + d));
    a_slots = all.subspan(0, a);
    d_slots = all.subspan(a, d);
    a_numbers = all.subspan(a + d, a);
    d_numbers = all.subspan(a + d + a, d);
  }

  bool has_a_registers, a_is_transposed, b_is_transposed, is_negative;
  uint32_t groups;  // of 8 columns
  std::span<const uint32_t> a_slots, d_slots, a_numbers, d_numbers;
};

// --- The product. A vector is 16 lanes of an accumulator: four rows, and every other of 8 columns. ---

// Register j of A holds 8 rows, of which the odd j have the lower ones, and 8 steps of k from 8 (j / 2) on. So do the blocks
// of 128 bytes here.
void gather_a(const std::byte* shared, const SharedMatrix& matrix, uint32_t first_row,
              uint16_t blocks[4][64]) {
  for (uint32_t j = 0; j < 4; ++j) {
    const uint32_t row = first_row + j % 2 * 8, k = j / 2 * 8;
    for (uint32_t i = 0; i < 8; ++i) {
      if (!matrix.mn_major) {
        std::memcpy(blocks[j] + 8 * i, shared + matrix.piece(row + i, k), 16);
        continue;
      }
      uint16_t rows[8];
      std::memcpy(rows, shared + matrix.piece(row, k + i), 16);
      for (uint32_t r = 0; r < 8; ++r) blocks[j][8 * r + i] = rows[r];
    }
  }
}

// 16 steps of k of 8 columns, for each the even columns and then the odd ones.
template <class Format>
void gather_b(const std::byte* shared, const SharedMatrix& matrix, uint32_t column,
              float steps[128]) {
  const Half32Lanes apart = {0,  2,  4,  6,  1,  3,  5,  7,  8,  10, 12, 14, 9,  11, 13, 15,
                             16, 18, 20, 22, 17, 19, 21, 23, 24, 26, 28, 30, 25, 27, 29, 31};
  alignas(64) uint16_t halves[128];
  for (uint32_t k = 0; k < 16; k += 8) {
    alignas(64) uint16_t block[64];
    for (uint32_t i = 0; i < 8; ++i)
      std::memcpy(
          block + 8 * i,
          shared + (matrix.mn_major ? matrix.piece(column, k + i) : matrix.piece(column + i, k)),
          16);
    Half32Lanes first, second;
    if (matrix.mn_major) {
      load_vector(first, block);
      load_vector(second, block + 32);
    } else {
      const Transposed8x8 by_k(block);
      first = by_k.low;
      second = by_k.high;
    }
    store_vector(halves + 8 * k, __builtin_shuffle(first, apart));
    store_vector(halves + 8 * k + 32, __builtin_shuffle(second, apart));
  }
  Format::widen(halves, steps, 128);
}

// By k, and then by four rows.
template <class Format>
void spread_a(const uint16_t blocks[4][64], bool negative, float spread[16][4][16]) {
  const Int16Lanes four_times = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
  const float sign = negative ? -1.0f : 1.0f;
  for (int k = 0; k < 16; k += 8) {
    alignas(64) float columns[128];
    widen_columns<Format>(blocks[k / 4], blocks[k / 4 + 1], columns);
    for (int i = 0; i < 8; ++i) {
      Float16Lanes rows;
      load_vector(rows, columns + 16 * i);
      rows *= sign;
      for (int q = 0; q < 4; ++q)
        store_vector(spread[k + i][q], __builtin_shuffle(rows, four_times + 4 * q));
    }
  }
}

template <class Format>
void multiply_wgmma(Warp& w, const Wgmma& mma) {
  const WgmmaForm form(*mma.instr);
  const std::byte* const shared = w.cta->shared;
  const SharedMatrix b(mma.b_descriptor, form.b_is_transposed);
  alignas(64) uint16_t blocks[4][64];
  if (form.has_a_registers)
    std::memcpy(blocks, mma.a.data(), sizeof blocks);
  else
    gather_a(shared, SharedMatrix(mma.a_descriptor, form.a_is_transposed), w.index % 4 * 16,
             blocks);
  alignas(64) float a[16][4][16];
  spread_a<Format>(blocks, form.is_negative, a);
  const Int16Lanes even = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
  for (uint32_t g = 0; g < form.groups; ++g) {
    alignas(64) float steps[128];
    gather_b<Format>(shared, b, 8 * g, steps);
    // Of four registers: rows 0-7 of the even and of the odd columns, then rows 8-15; two vectors each.
    float* d[4];
    for (int i = 0; i < 4; ++i) d[i] = w.lanes<float>(form.d_slots[4 * g + i]);
    Float16Lanes sum[4][2];
    for (int i = 0; i < 4; ++i) {
      for (int half = 0; half < 2; ++half) {
        sum[i][half] = Float16Lanes{};
        if (mma.accumulates) load_vector(sum[i][half], d[i] + 16 * half);
      }
    }
    for (int k = 0; k < 16; k += 2) {
      Float16Lanes two_steps;
      load_vector(two_steps, steps + 8 * k);
#pragma GCC unroll 2
      for (int step = 0; step < 2; ++step) {
        const Float16Lanes columns[2] = {__builtin_shuffle(two_steps, even + 8 * step),
                                         __builtin_shuffle(two_steps, even + 8 * step + 4)};
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 2
          for (int half = 0; half < 2; ++half) {
            Float16Lanes rows;
            load_vector(rows, a[k + step][i / 2 * 2 + half]);
            sum[i][half] += rows * columns[i % 2];
          }
        }
      }
    }
    for (int i = 0; i < 4; ++i) {
      for (int half = 0; half < 2; ++half) {
        canonicalise_nan(sum[i][half]);
        store_vector(d[i] + 16 * half, sum[i][half]);
      }
    }
  }
}

// --- Issue ---

bool warpgroup_here(Warp& w, const Instr& in, uint32_t mask) {
  if (w.index / 4 * 4 + 4 > w.cta->warps.size())
    raise_fault(w, in, "divergent-barrier", mask,
                "wgmma needs four warps, and the CTA has not so many of this warpgroup");
  return whole_warp_here(w, in, mask);
}

uint64_t uniform_descriptor(Warp& w, const Instr& in, uint32_t slot) {
  const uint64_t* const lanes = w.lanes<uint64_t>(slot);
  for (unsigned l = 1; l < 32; ++l)
    if (lanes[l] != lanes[0])
      raise_fault(w, in, "divergent-barrier", 1u << l, "lanes have different matrix descriptors");
  return lanes[0];
}

// Before the operand is read; `lines` from `first_line` on are this warp's. Adds to `reads`, for the checks.
void check_operand(Warp& w, const Instr& in, const SharedMatrix& matrix, const char* name,
                   uint32_t first_line, uint32_t lines, std::vector<SharedChecks::Range>& reads) {
  if (matrix.has_unknown_bits)
    raise_fault(w, in, "unprobed", kAllLanes,
                format("the descriptor of %s has bits that mean nothing", name));
  if (matrix.base_offset != 0)
    raise_fault(w, in, "unprobed", kAllLanes,
                format("the descriptor of %s has base offset %u", name, matrix.base_offset));
  if (matrix.starts_inside_pattern())
    raise_fault(w, in, "unprobed", kAllLanes,
                format("%s starts at byte %u of shared memory, inside the pattern of %u-byte "
                       "swizzle",
                       name, matrix.start, matrix.swizzle));
  const uint32_t shared_bytes = w.cta->shared_bytes;
  matrix.each_piece(first_line, lines, [&](uint32_t offset) {
    if (offset + 16 > shared_bytes)
      raise_fault(w, in, "out-of-bounds", kAllLanes,
                  format("%s reaches to byte %u of shared memory, which has %u", name, offset + 15,
                         shared_bytes));
    if (w.cta->checks != nullptr) reads.push_back({offset, 16});
  });
}

template <class Format>
void issue_wgmma(Warp& w, const Instr& in, uint32_t mask) {
  if (!warpgroup_here(w, in, mask)) return;
  const WgmmaForm form(in);
  const uint32_t accumulates = w.predicate(in.c);
  if (accumulates != 0 && accumulates != kAllLanes)
    raise_fault(w, in, "divergent-barrier", accumulates, "lanes have different scale-d");
  std::vector<SharedChecks::Range> reads;
  Wgmma mma;
  mma.instr = &in;
  mma.act = &multiply_wgmma<Format>;
  mma.accumulates = accumulates != 0;
  mma.columns = 8 * form.groups;
  mma.accumulators = form.d_numbers;
  mma.a_registers = form.a_numbers;
  mma.b_descriptor = uniform_descriptor(w, in, in.b);
  if (form.has_a_registers) {
    for (uint32_t j = 0; j < 4; ++j)
      std::memcpy(mma.a.data() + 32 * j, w.lanes<uint32_t>(form.a_slots[j]), 128);
  } else {
    mma.a_descriptor = uniform_descriptor(w, in, in.a);
    check_operand(w, in, SharedMatrix(mma.a_descriptor, form.a_is_transposed), "A",
                  w.index % 4 * 16, 16, reads);
  }
  check_operand(w, in, SharedMatrix(mma.b_descriptor, form.b_is_transposed), "B", 0, mma.columns,
                reads);
  if (w.cta->checks != nullptr) mma.clock = w.cta->checks->wgmma_issued(w, in, reads);
  if (w.index % 4 == 0) {
    ++w.counters->wgmma_instructions;
    w.counters->wgmma_shared_bytes += (form.has_a_registers ? 0 : 64 * 16 * 2) + mma.columns * 32;
    w.counters->mma_flops += uint64_t{2} * 64 * 16 * mma.columns;
  }
  w.wgmma.issue(w, mma);
}

void fence_wgmma(Warp& w, const Instr& in, uint32_t mask) {
  if (warpgroup_here(w, in, mask)) w.wgmma.fence(w);
}

void commit_wgmma(Warp& w, const Instr& in, uint32_t mask) {
  if (warpgroup_here(w, in, mask)) w.wgmma.commit();
}

void wait_for_wgmma(Warp& w, const Instr& in, uint32_t mask) {
  if (!warpgroup_here(w, in, mask)) return;
  if (w.wgmma.wait(w, in, static_cast<uint32_t>(in.imm))) return;
  w.wait_to_repeat(in, mask, Group::State::runnable);
  w.poll();
}

// --- Decoding ---

// N of m64nNk16.
uint32_t columns_of(const Decoder& d) {
  for (std::string_view m : d.modifiers()) {
    if (!m.starts_with("m64n")) continue;
    uint32_t n = 0;
    const auto [rest, error] = std::from_chars(m.data() + 4, m.data() + m.size(), n);
    const bool is_known = error == std::errc{} && n >= 8 && n <= 256 && n % 8 == 0;
    if (is_known &&
        std::string_view(rest, static_cast<size_t>(m.data() + m.size() - rest)) == "k16")
      return n;
  }
  throw NotImplemented{"this shape of wgmma"};
}

bool is_minus_one(const Decoder& d, size_t i) {
  const auto value = static_cast<int32_t>(d.immediate(i));
  if (value != 1 && value != -1) throw NotImplemented{"a scale is 1 or -1"};
  return value == -1;
}

void decode_mma_async(Decoder& d) {
  const Type element = d.type(1);
  if (d.type(0) != Type::f32 || d.type(2) != element || d.has("sp") ||
      (element != Type::f16 && element != Type::bf16))
    throw NotImplemented{"these types of wgmma"};
  const uint32_t columns = columns_of(d);
  const bool has_a_registers = d.operand(1).kind == Operand::Kind::vector;
  std::vector<uint32_t> slots, numbers;
  const auto add = [&](const Operand& registers, size_t count) {
    if (registers.kind != Operand::Kind::vector || registers.items.size() != count)
      throw NotImplemented{"wrong number of registers"};
    for (const Operand& r : registers.items) {
      // What is not one register of 32 bits would have to be moved before or behind the instruction.
      if (r.kind != Operand::Kind::reg || d.register_bytes(r.reg) != 4)
        throw NotImplemented{"a register of 32 bits is expected"};
      slots.push_back(d.source(r, Type::b32));
      numbers.push_back(d.wgmma_registers().number(r.reg));
    }
  };
  if (has_a_registers) add(d.operand(1), 4);
  add(d.operand(0), columns / 2);
  slots.insert(slots.end(), numbers.begin(), numbers.end());
  const uint32_t a = has_a_registers ? kNoSlot : d.source(1, Type::u64);
  const uint32_t b = d.source(2, Type::u64);
  const uint32_t accumulates = d.predicate_source(d.operand(3));
  uint32_t form = has_a_registers ? kARegisters : 0;
  if (is_minus_one(d, 4) != is_minus_one(d, 5)) form |= kNegative;
  size_t at = 6;
  if (!has_a_registers && d.immediate(at++) != 0) form |= kTransposedA;
  if (d.immediate(at) != 0) form |= kTransposedB;
  const uint32_t* const list = d.list(std::move(slots));
  Instr& in = d.emit(element == Type::f16 ? &issue_wgmma<Fp16> : &issue_wgmma<Bf16>);
  in.control = true;
  in.list = list;
  in.count = static_cast<uint8_t>(columns / 8);
  in.extra = form;
  in.a = a, in.b = b, in.c = accumulates;
}

void decode_wgmma(Decoder& d) {
  if (!d.has("sync") || !d.has("aligned")) throw NotImplemented{"this wgmma"};
  if (d.has("mma_async")) return decode_mma_async(d);
  const bool waits = d.has("wait_group");
  const Handler handler = waits                   ? &wait_for_wgmma
                          : d.has("fence")        ? &fence_wgmma
                          : d.has("commit_group") ? &commit_wgmma
                                                  : nullptr;
  if (handler == nullptr) throw NotImplemented{"this wgmma"};
  const auto pending = waits ? static_cast<int64_t>(d.immediate(0)) : 0;
  Instr& in = d.emit(handler);
  in.control = true;
  in.imm = pending;
}

}  // namespace

void touch_wgmma_registers(Warp& w, const Instr& in, uint32_t mask) {
  w.wgmma.touch(w, in, mask, {in.list, in.extra});
}

std::span<const OpcodeEntry> wgmma_opcodes() {
  static constexpr OpcodeEntry table[] = {{"wgmma", decode_wgmma}};
  return table;
}

}  // namespace cuemu
