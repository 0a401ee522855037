// SPDX-License-Identifier: MIT
// mma.sync.
//
// Accumulation model: products are exact, and are added one at a time, in the order of k, to an
// fp32 accumulator that starts at c and is rounded to nearest at each step. Tensor cores add
// several products at once in a wider, truncating accumulator; the last bits differ from theirs and
// from model to model of GPU. Integer results are exact.
//
// Fragments: each register of A, over the lanes, is a block of 8 rows of 16 bytes, each register of
// B a block of 8 columns of 16 bytes along k. Registers of A alternate between rows 0-7 and 8-15,
// then advance in k.
#include "columns.hpp"
#include "half.hpp"
#include "synchronise.hpp"
#include "tables.hpp"
#include "vectors.hpp"

namespace cuemu {
namespace {

// Slots in Instr::list: A, then B, C, D.
struct Fragments {
  const uint32_t *a, *b, *c, *d;
};

// --- Accumulators: c0[l] is row l / 4, column 2 (l % 4); c1 the next column; c2, c3 eight rows
// below ----------------------

// Four vectors of 16 lanes (rows 0-3, 4-7, 8-11, 12-15; four columns each) to four columns of 16
// rows, or back.
inline void transpose_blocks(Float16Lanes v[4]) {
  const Int16Lanes first = {0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29};
  const Int16Lanes second = first + 2;
  const Int16Lanes low = {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23};
  const Int16Lanes high = low + 8;
  const Float16Lanes upper0 = __builtin_shuffle(v[0], v[1], first),
                     upper1 = __builtin_shuffle(v[0], v[1], second);
  const Float16Lanes lower0 = __builtin_shuffle(v[2], v[3], first),
                     lower1 = __builtin_shuffle(v[2], v[3], second);
  v[0] = __builtin_shuffle(upper0, lower0, low);
  v[1] = __builtin_shuffle(upper0, lower0, high);
  v[2] = __builtin_shuffle(upper1, lower1, low);
  v[3] = __builtin_shuffle(upper1, lower1, high);
}
inline void transpose_blocks_back(Float16Lanes v[4]) {
  const Int16Lanes low = {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23};
  const Int16Lanes high = low + 8;
  const Float16Lanes upper0 = __builtin_shuffle(v[0], v[1], low),
                     lower0 = __builtin_shuffle(v[0], v[1], high);
  const Float16Lanes upper1 = __builtin_shuffle(v[2], v[3], low),
                     lower1 = __builtin_shuffle(v[2], v[3], high);
  // upper0: column 0 rows 0-7, column 1 rows 0-7; upper1: columns 2 and 3.
  const Int16Lanes first = {0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27};
  const Int16Lanes second = first + 4;
  v[0] = __builtin_shuffle(upper0, upper1, first);
  v[1] = __builtin_shuffle(upper0, upper1, second);
  v[2] = __builtin_shuffle(lower0, lower1, first);
  v[3] = __builtin_shuffle(lower0, lower1, second);
}

// column[n]: 16 rows of column n, from and to arrays of 32 lanes.
struct Accumulators {
  Float16Lanes column[8];

  void load(const float* c0, const float* c1, const float* c2, const float* c3) {
    Float16Lanes even[4], odd[4];
    load_vector(even[0], c0), load_vector(even[1], c0 + 16);
    load_vector(even[2], c2), load_vector(even[3], c2 + 16);
    load_vector(odd[0], c1), load_vector(odd[1], c1 + 16);
    load_vector(odd[2], c3), load_vector(odd[3], c3 + 16);
    transpose_blocks(even);
    transpose_blocks(odd);
    for (int i = 0; i < 4; ++i) column[2 * i] = even[i], column[2 * i + 1] = odd[i];
  }
  void store(float* c0, float* c1, float* c2, float* c3) const {
    Float16Lanes even[4], odd[4];
    for (int i = 0; i < 4; ++i) even[i] = column[2 * i], odd[i] = column[2 * i + 1];
    transpose_blocks_back(even);
    transpose_blocks_back(odd);
    store_vector(c0, even[0]), store_vector(c0 + 16, even[1]);
    store_vector(c2, even[2]), store_vector(c2 + 16, even[3]);
    store_vector(c1, odd[0]), store_vector(c1 + 16, odd[1]);
    store_vector(c3, odd[2]), store_vector(c3 + 16, odd[3]);
  }
  void canonicalise() {
    for (Float16Lanes& v : column) canonicalise_nan(v);
  }
};

// --- 16-bit operands
// --------------------------------------------------------------------------------------------------------

// Adds the products of 8 steps of k.
template <class Format>
inline void multiply_half(Accumulators& sum, const void* a_upper, const void* a_lower,
                          const uint16_t* b) {
  alignas(64) float at[128], bt[64];
  widen_columns<Format>(a_upper, a_lower, at);
  Format::widen(b, bt, 64);
#pragma GCC unroll 8
  for (int k = 0; k < 8; ++k) {
    Float16Lanes column;
    load_vector(column, at + 16 * k);
#pragma GCC unroll 8
    for (int n = 0; n < 8; ++n) sum.column[n] += column * bt[8 * n + k];
  }
}

template <class Format, unsigned kSteps>
inline void multiply_halves(Warp& w, const Fragments& f, Accumulators& sum) {
  for (unsigned s = 0; s < kSteps; ++s)
    multiply_half<Format>(sum, w.lanes<uint16_t>(f.a[2 * s]), w.lanes<uint16_t>(f.a[2 * s + 1]),
                          w.lanes<uint16_t>(f.b[s]));
}

// --- tf32: the low 13 bits of an operand are ignored
// ----------------------------------------------------------------------------

template <unsigned kSteps>
inline void multiply_tf32(Warp& w, const Fragments& f, Accumulators& sum) {
  auto value = [](uint32_t bits) { return std::bit_cast<float>(bits & ~0x1FFFu); };
  for (unsigned s = 0; s < kSteps; ++s) {
    const uint32_t *upper = w.lanes<uint32_t>(f.a[2 * s]),
                   *lower = w.lanes<uint32_t>(f.a[2 * s + 1]);
    const uint32_t* b = w.lanes<uint32_t>(f.b[s]);
    for (unsigned k = 0; k < 4; ++k) {
      alignas(64) float at[16];
      for (unsigned r = 0; r < 8; ++r)
        at[r] = value(upper[4 * r + k]), at[8 + r] = value(lower[4 * r + k]);
      Float16Lanes column;
      load_vector(column, at);
      for (unsigned n = 0; n < 8; ++n) sum.column[n] += column * value(b[4 * n + k]);
    }
  }
}

Fragments fragments(const Instr& in) {
  const unsigned na = in.count >> 4, nb = in.count & 15, nc = in.target;
  return {in.list, in.list + na, in.list + na + nb, in.list + na + nb + nc};
}

void count_mma(Warp& w, const Instr& in) {
  ++w.counters->mma_instructions;
  w.counters->mma_flops += static_cast<uint64_t>(in.imm);
}

using Multiply = void (*)(Warp&, const Fragments&, Accumulators&);

template <Multiply kMultiply>
void mma_f32(Warp& w, const Instr& in, uint32_t mask) {
  if (!whole_warp_here(w, in, mask)) return;
  count_mma(w, in);
  const Fragments f = fragments(in);
  Accumulators sum;
  sum.load(w.lanes<float>(f.c[0]), w.lanes<float>(f.c[1]), w.lanes<float>(f.c[2]),
           w.lanes<float>(f.c[3]));
  kMultiply(w, f, sum);
  sum.canonicalise();
  sum.store(w.lanes<float>(f.d[0]), w.lanes<float>(f.d[1]), w.lanes<float>(f.d[2]),
            w.lanes<float>(f.d[3]));
}

// fp16 accumulators: two columns to a register. They are added up in fp32 and rounded at the end.
template <Multiply kMultiply>
void mma_f16(Warp& w, const Instr& in, uint32_t mask) {
  if (!whole_warp_here(w, in, mask)) return;
  count_mma(w, in);
  const Fragments f = fragments(in);
  alignas(64) float c[4][32], pairs[64];
  for (int i = 0; i < 2; ++i) {
    Fp16::widen(w.lanes<uint16_t>(f.c[i]), pairs, 64);
    for (int l = 0; l < 32; ++l) c[2 * i][l] = pairs[2 * l], c[2 * i + 1][l] = pairs[2 * l + 1];
  }
  Accumulators sum;
  sum.load(c[0], c[1], c[2], c[3]);
  kMultiply(w, f, sum);
  sum.store(c[0], c[1], c[2], c[3]);
  for (int i = 0; i < 2; ++i) {
    for (int l = 0; l < 32; ++l) pairs[2 * l] = c[2 * i][l], pairs[2 * l + 1] = c[2 * i + 1][l];
    Fp16::narrow(pairs, w.lanes<uint16_t>(f.d[i]), 64);
  }
}

// --- 8-bit integers
// -----------------------------------------------------------------------------------------------------------------

template <class A, class B>
void mma_int8(Warp& w, const Instr& in, uint32_t mask) {
  if (!whole_warp_here(w, in, mask)) return;
  count_mma(w, in);
  const Fragments f = fragments(in);
  const unsigned steps = in.count & 15;  // of 16 in k
  const bool saturate = in.extra != 0;
  int32_t result[4][32];
  for (unsigned i = 0; i < 4; ++i) {
    const int32_t* c = w.lanes<int32_t>(f.c[i]);
    for (unsigned l = 0; l < 32; ++l) {
      const unsigned row = l / 4, column = 2 * (l % 4) + i % 2;
      int64_t sum = c[l];
      for (unsigned s = 0; s < steps; ++s) {
        const A* a = w.lanes<A>(f.a[2 * s + i / 2]) + 16 * row;
        const B* b = w.lanes<B>(f.b[s]) + 16 * column;
        int32_t part = 0;
        for (unsigned k = 0; k < 16; ++k) part += int32_t{a[k]} * b[k];
        sum += part;
      }
      if (saturate) sum = std::min<int64_t>(std::max<int64_t>(sum, INT32_MIN), INT32_MAX);
      result[i][l] = static_cast<int32_t>(sum);
    }
  }
  for (unsigned i = 0; i < 4; ++i)
    std::memcpy(w.lanes<int32_t>(f.d[i]), result[i], sizeof result[i]);
}

// --- fp64, m8n8k4
// ---------------------------------------------------------------------------------------------------------------------

void mma_f64(Warp& w, const Instr& in, uint32_t mask) {
  if (!whole_warp_here(w, in, mask)) return;
  count_mma(w, in);
  const Fragments f = fragments(in);
  const double *a = w.lanes<double>(f.a[0]), *b = w.lanes<double>(f.b[0]);
  double result[2][32];
  for (unsigned i = 0; i < 2; ++i) {
    for (unsigned l = 0; l < 32; ++l) {
      const unsigned row = l / 4, column = 2 * (l % 4) + i;
      double sum = w.lanes<double>(f.c[i])[l];
      for (unsigned k = 0; k < 4; ++k) sum = std::fma(a[4 * row + k], b[4 * column + k], sum);
      result[i][l] = sum;
    }
  }
  for (unsigned i = 0; i < 2; ++i)
    std::memcpy(w.lanes<double>(f.d[i]), result[i], sizeof result[i]);
}

// --- Decoding
// ----------------------------------------------------------------------------------------------------------------------------

struct Shape {
  unsigned m, n, k, a, b, c;  // c: registers of an accumulator
  Handler handler;
};

template <class A>
Handler int8_handler(Type b) {
  return b == Type::s8 ? &mma_int8<A, int8_t> : &mma_int8<A, uint8_t>;
}

Shape shape_of(const Decoder& d) {
  const Type dt = d.type(0), at = d.type(1), bt = d.type(2), ct = d.type(3);
  const NotImplemented unknown{"this mma"};
  if (!d.has("row") || !d.has("col") || dt != ct || d.has("sp")) throw unknown;
  if (d.has("m8n8k4") && at == Type::f64) return {8, 8, 4, 1, 1, 2, &mma_f64};
  const bool k4 = d.has("m16n8k4"), k8 = d.has("m16n8k8"), k16 = d.has("m16n8k16"),
             k32 = d.has("m16n8k32");
  if (dt == Type::f32 && at == bt) {
    if (at == Type::f16 && k16) return {16, 8, 16, 4, 2, 4, &mma_f32<multiply_halves<Fp16, 2>>};
    if (at == Type::f16 && k8) return {16, 8, 8, 2, 1, 4, &mma_f32<multiply_halves<Fp16, 1>>};
    if (at == Type::bf16 && k16) return {16, 8, 16, 4, 2, 4, &mma_f32<multiply_halves<Bf16, 2>>};
    if (at == Type::bf16 && k8) return {16, 8, 8, 2, 1, 4, &mma_f32<multiply_halves<Bf16, 1>>};
    if (at == Type::tf32 && k8) return {16, 8, 8, 4, 2, 4, &mma_f32<multiply_tf32<2>>};
    if (at == Type::tf32 && k4) return {16, 8, 4, 2, 1, 4, &mma_f32<multiply_tf32<1>>};
  }
  if (dt == Type::f16 && at == Type::f16 && bt == Type::f16) {
    if (k16) return {16, 8, 16, 4, 2, 2, &mma_f16<multiply_halves<Fp16, 2>>};
    if (k8) return {16, 8, 8, 2, 1, 2, &mma_f16<multiply_halves<Fp16, 1>>};
  }
  if (dt == Type::s32 && bytes_of(at) == 1 && bytes_of(bt) == 1) {
    const Handler h = at == Type::s8 ? int8_handler<int8_t>(bt) : int8_handler<uint8_t>(bt);
    if (k16) return {16, 8, 16, 2, 1, 4, h};
    if (k32) return {16, 8, 32, 4, 2, 4, h};
  }
  throw unknown;
}

void decode_mma(Decoder& d) {
  if (!d.has("sync")) throw NotImplemented{"this mma"};
  const Shape s = shape_of(d);
  const Type element = s.m == 8 ? Type::b64 : Type::b32;
  std::vector<uint32_t> slots;
  auto add = [&](size_t i, unsigned count, bool destination) {
    const Operand& o = d.operand(i);
    const std::vector<Operand> one{o};
    const std::vector<Operand>& items = o.kind == Operand::Kind::vector ? o.items : one;
    if (items.size() != count) throw NotImplemented{"wrong number of registers"};
    for (const Operand& r : items)
      slots.push_back(destination ? d.dest(r, element) : d.source(r, element));
  };
  add(1, s.a, false);
  add(2, s.b, false);
  add(3, s.c, false);
  add(0, s.c, true);
  const uint32_t* list = d.list(std::move(slots));
  const bool saturate = d.has("satfinite");
  Instr& in = d.emit(s.handler);
  in.control = true;
  in.list = list;
  in.count = static_cast<uint8_t>(s.a << 4 | s.b);
  in.target = s.c;
  in.extra = saturate ? 1 : 0;
  in.imm = static_cast<int64_t>(2) * s.m * s.n * s.k;
}

}  // namespace

std::span<const OpcodeEntry> tensor_opcodes() {
  static constexpr OpcodeEntry table[] = {{"mma", decode_mma}};
  return table;
}

}  // namespace cuemu
