// SPDX-License-Identifier: MIT
// Floating-point arithmetic of f32, f64, f16 and bf16.
#include <cfenv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "half.hpp"
#include "lanes.hpp"
#include "rounding.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

// --- Operations: on float and double, and on float for the 16-bit types
// ------------------------------------------------

template <class T>
T canonical(T v) {
  if constexpr (std::is_same_v<T, float>)
    return canonical_nan(v);
  else
    return v;
}

struct Add {
  template <class T>
  static T run(T a, T b) {
    return canonical(a + b);
  }
};
struct Sub {
  template <class T>
  static T run(T a, T b) {
    return canonical(a - b);
  }
};
struct Mul {
  template <class T>
  static T run(T a, T b) {
    return canonical(a * b);
  }
};
struct Fma {
  template <class T>
  static T run(T a, T b, T c) {
    return canonical(std::fma(a, b, c));
  }
};
struct HalfFma {
  static float run(float a, float b, float c) { return fma_to_odd(a, b, c); }
};
struct Div {
  template <class T>
  static T run(T a, T b) {
    return canonical(a / b);
  }
};
template <bool kMax, bool kNaN>
struct MinMax {
  template <class T>
  static T run(T a, T b) {
    const T nan = canonical(std::numeric_limits<T>::quiet_NaN());
    const bool a_first =
        kMax ? a > b || (a == b && !std::signbit(a)) : a < b || (a == b && std::signbit(a));
    T r = a_first ? a : b;
    if (kNaN) return a != a || b != b ? nan : r;
    r = b != b ? a : r;
    r = a != a ? b : r;
    return canonical(r);
  }
};
struct Abs {
  template <class T>
  static T run(T a) {
    return std::fabs(a);
  }
};
struct Neg {
  template <class T>
  static T run(T a) {
    return -a;
  }
};
struct Sqrt {
  template <class T>
  static T run(T a) {
    return canonical(std::sqrt(a));
  }
};
struct Rcp {
  template <class T>
  static T run(T a) {
    return canonical(T{1} / a);
  }
};
struct Rsqrt {
  static float run(float a) {
    return canonical(static_cast<float>(1.0 / std::sqrt(static_cast<double>(a))));
  }
  static double run(double a) { return 1.0 / std::sqrt(a); }
};
struct Exp2 {
  static float run(float a) { return canonical(static_cast<float>(std::exp2(a))); }
};
struct Log2 {
  static float run(float a) { return canonical(static_cast<float>(std::log2(a))); }
};
struct Sin {
  static float run(float a) {
    return canonical(static_cast<float>(std::sin(static_cast<double>(a))));
  }
};
struct Cos {
  static float run(float a) {
    return canonical(static_cast<float>(std::cos(static_cast<double>(a))));
  }
};
struct Tanh {
  static float run(float a) {
    return canonical(static_cast<float>(std::tanh(static_cast<double>(a))));
  }
};
struct CopySign {  // the sign of a on the value of b
  template <class T>
  static T run(T a, T b) {
    return std::copysign(b, a);
  }
};

float flush(float v) {
  const auto bits = std::bit_cast<uint32_t>(v);
  return std::bit_cast<float>((bits & 0x7F800000) == 0 ? bits & 0x80000000 : bits);
}
template <class Op>
struct Flushed {  // .ftz
  static float run(float a) { return flush(Op::run(flush(a))); }
  static float run(float a, float b) { return flush(Op::run(flush(a), flush(b))); }
  static float run(float a, float b, float c) {
    return flush(Op::run(flush(a), flush(b), flush(c)));
  }
};
struct Saturate {
  template <class T>
  static T run(T a) {
    const T low = a > T{0} ? a : T{0};  // NaN becomes 0
    return low < T{1} ? low : T{1};
  }
};

// --- Handlers
// -----------------------------------------------------------------------------------------------------------

template <Handler kHandler, unsigned kFlops>
void counted(Warp& w, const Instr& in, uint32_t mask) {
  w.counters->fma_flops += kFlops * static_cast<unsigned>(std::popcount(mask));
  kHandler(w, in, mask);
}

template <Handler kHandler>
void rounded(Warp& w, const Instr& in, uint32_t mask) {
  const RoundingScope scope(static_cast<int>(in.extra));
  kHandler(w, in, mask);
}

template <unsigned kSources, class Op, class T>
void shaped(Warp& w, const Instr& in, uint32_t mask) {
  if constexpr (kSources == 1)
    unary<Op, T>(w, in, mask);
  else if constexpr (kSources == 2)
    binary<Op, T>(w, in, mask);
  else
    ternary<Op, T>(w, in, mask);
}

template <class Op, unsigned kSources, unsigned kFlops = 0>
Handler float_handler(Decoder& d, Type t) {
  if (t == Type::f64) return &counted<shaped<kSources, Op, double>, kFlops>;
  if (t != Type::f32) throw NotImplemented{"this type"};
  return d.has("ftz") ? &counted<shaped<kSources, Flushed<Op>, float>, kFlops>
                      : &counted<shaped<kSources, Op, float>, kFlops>;
}

// The same, rounded as the instruction asks for.
template <class Op, unsigned kSources, unsigned kFlops>
Handler directed_handler(Decoder& d, Type t) {
  if (t == Type::f64) return &counted<rounded<shaped<kSources, Op, double>>, kFlops>;
  if (t != Type::f32) throw NotImplemented{"this type"};
  return d.has("ftz") ? &counted<rounded<shaped<kSources, Flushed<Op>, float>>, kFlops>
                      : &counted<rounded<shaped<kSources, Op, float>>, kFlops>;
}

constexpr uint32_t kFtz = 1, kSat = 2, kRelu = 4;

void read_half(Warp& w, const Instr& in, uint32_t slot, float* to) {
  const HalfForm form(in.count);
  form.widen(w.lanes<uint16_t>(slot), to);
  if ((in.extra & kFtz) == 0) return;
  for (int i = 0; i < form.count(); ++i)
    to[i] = std::fabs(to[i]) < form.smallest_normal() ? std::copysign(0.0f, to[i]) : to[i];
}

void write_half(Warp& w, const Instr& in, uint32_t mask, float* r) {
  const HalfForm form(in.count);
  const int n = form.count();
  if ((in.extra & kSat) != 0)
    for (int i = 0; i < n; ++i) r[i] = Saturate::run(r[i]);
  if ((in.extra & kRelu) != 0)
    for (int i = 0; i < n; ++i) r[i] = r[i] > 0 || r[i] != r[i] ? r[i] : 0.0f;
  alignas(64) uint16_t bits[64];
  form.narrow(r, bits);
  if ((in.extra & kFtz) != 0)
    for (int i = 0; i < n; ++i)
      bits[i] = (bits[i] & form.exponent_mask()) == 0 ? bits[i] & 0x8000 : bits[i];
  if (form.packed) {
    uint32_t words[32];
    std::memcpy(words, bits, sizeof words);
    map_lanes(w, mask, w.lanes<uint32_t>(in.dst), [&](uint32_t l) { return words[l]; });
  } else {
    map_lanes(w, mask, w.lanes<uint16_t>(in.dst), [&](uint32_t l) { return bits[l]; });
  }
}

// Computes in float and rounds once at the end.
template <class Op, unsigned kSources, unsigned kFlops>
void half_handler(Warp& w, const Instr& in, uint32_t mask) {
  const HalfForm form(in.count);
  alignas(64) float x[64], y[64], z[64], r[64];
  w.counters->fma_flops +=
      kFlops * (form.packed ? 2 : 1) * static_cast<unsigned>(std::popcount(mask));
  read_half(w, in, in.a, x);
  if (kSources > 1) read_half(w, in, in.b, y);
  if (kSources > 2) read_half(w, in, in.c, z);
  const int n = form.count();
  for (int i = 0; i < n; ++i) {
    if constexpr (kSources == 1)
      r[i] = Op::run(x[i]);
    else if constexpr (kSources == 2)
      r[i] = Op::run(x[i], y[i]);
    else
      r[i] = Op::run(x[i], y[i], z[i]);
  }
  write_half(w, in, mask, r);
}

template <class Op, unsigned kSources, unsigned kFlops = 0>
void emit_half(Decoder& d, Type t) {
  Instr& in = emit_uniform(d, &half_handler<Op, kSources, kFlops>, t, kSources);
  in.count = HalfForm(t).code();
  in.extra = (d.has("ftz") ? kFtz : 0) | (d.has("sat") ? kSat : 0) | (d.has("relu") ? kRelu : 0);
}

template <class Op, class HalfOp, unsigned kSources, unsigned kFlops = 0>
void emit_arithmetic(Decoder& d, Type t) {
  if (is_half(t)) return emit_half<HalfOp, kSources, kFlops>(d, t);
  const int mode = rounding_of(d);
  const Handler h = mode == FE_TONEAREST ? float_handler<Op, kSources, kFlops>(d, t)
                                         : directed_handler<Op, kSources, kFlops>(d, t);
  Instr& in = emit_uniform(d, h, t, kSources);
  in.extra = static_cast<uint32_t>(mode);
  if (!d.has("sat")) return;
  if (t == Type::f64)
    d.after(&unary<Saturate, double>, in.dst);
  else
    d.after(&unary<Saturate, float>, in.dst);
}

template <class T, T kMask, bool kFlip>
struct SignBits {
  static T run(T a) { return kFlip ? static_cast<T>(a ^ kMask) : static_cast<T>(a & ~kMask); }
};

void decode_sign(Decoder& d, Type t) {
  const bool neg = d.base() == "neg";
  if (is_packed(t)) {
    emit_uniform(d,
                 neg ? &unary<SignBits<uint32_t, 0x80008000u, true>, uint32_t>
                     : &unary<SignBits<uint32_t, 0x80008000u, false>, uint32_t>,
                 t, 1);
  } else if (is_half(t)) {
    emit_uniform(d,
                 neg ? &unary<SignBits<uint16_t, 0x8000, true>, uint16_t>
                     : &unary<SignBits<uint16_t, 0x8000, false>, uint16_t>,
                 t, 1);
  } else {
    emit_uniform(d, neg ? float_handler<Neg, 1>(d, t) : float_handler<Abs, 1>(d, t), t, 1);
  }
}

template <bool kMax, bool kNaN>
void emit_min_max(Decoder& d, Type t) {
  using Op = MinMax<kMax, kNaN>;
  if (d.operand_count() != 3 || d.has("xorsign")) throw NotImplemented{"this form of min or max"};
  if (is_half(t))
    emit_half<Op, 2>(d, t);
  else
    emit_uniform(d, float_handler<Op, 2>(d, t), t, 2);
}

// ex2, lg2, sin, cos, tanh: exact to a last bit or so, where a GPU approximates.
template <class Op, bool kFlush>
void transcendental(Warp& w, const Instr& in, uint32_t mask) {
  if (kFlush)
    unary_each<Flushed<Op>, float>(w, in, mask);
  else
    unary_each<Op, float>(w, in, mask);
}

template <class Op>
void emit_transcendental(Decoder& d) {
  const Type t = d.type();
  if (is_half(t)) return emit_half<Op, 1>(d, t);
  if (t != Type::f32) throw NotImplemented{"this type"};
  emit_uniform(d, d.has("ftz") ? &transcendental<Op, true> : &transcendental<Op, false>, t, 1);
}

void decode_transcendental(Decoder& d) {
  const std::string_view base = d.base();
  if (base == "ex2")
    emit_transcendental<Exp2>(d);
  else if (base == "lg2")
    emit_transcendental<Log2>(d);
  else if (base == "sin")
    emit_transcendental<Sin>(d);
  else if (base == "cos")
    emit_transcendental<Cos>(d);
  else
    emit_transcendental<Tanh>(d);
}

void decode_root(Decoder& d) {
  const Type t = d.type();
  if (d.base() == "sqrt") {
    emit_arithmetic<Sqrt, Sqrt, 1>(d, t);
  } else if (d.base() == "rcp") {
    emit_arithmetic<Rcp, Rcp, 1>(d, t);
  } else {
    emit_uniform(d, float_handler<Rsqrt, 1>(d, t), t, 1);
  }
}

void decode_copysign(Decoder& d) {
  const Type t = d.type();
  emit_uniform(d, t == Type::f64 ? &binary<CopySign, double> : &binary<CopySign, float>, t, 2);
}

template <class T, int kClass>
void test_property(Warp& w, const Instr& in, uint32_t mask) {
  const T* a = w.lanes<T>(in.a);
  map_predicate(w, mask, in.dst, [=](uint32_t l) {
    switch (kClass) {
      case 0:
        return std::isfinite(a[l]);
      case 1:
        return std::isinf(a[l]);
      case 2:
        return !std::isnan(a[l]);
      case 3:
        return std::isnan(a[l]);
      case 4:
        return std::isnormal(a[l]) || a[l] == 0;
      default:
        return std::fpclassify(a[l]) == FP_SUBNORMAL;
    }
  });
}

template <class T>
Handler property_handler(Decoder& d) {
  if (d.has("finite")) return &test_property<T, 0>;
  if (d.has("infinite")) return &test_property<T, 1>;
  if (d.has("number")) return &test_property<T, 2>;
  if (d.has("notanumber")) return &test_property<T, 3>;
  if (d.has("normal")) return &test_property<T, 4>;
  return &test_property<T, 5>;
}

void decode_testp(Decoder& d) {
  const Type t = d.type();
  const uint32_t a = d.source(1, t), p = d.predicate_dest(d.operand(0));
  Instr& in = d.emit(t == Type::f64 ? property_handler<double>(d) : property_handler<float>(d));
  in.dst = p, in.a = a;
}

void decode_fma(Decoder& d) {
  emit_arithmetic<Fma, HalfFma, 3, 2>(d, d.type());
}

}  // namespace

int rounding_of(const Decoder& d) {
  if (d.has("rz")) return FE_TOWARDZERO;
  if (d.has("rm")) return FE_DOWNWARD;
  if (d.has("rp")) return FE_UPWARD;
  return FE_TONEAREST;
}

void decode_float_arithmetic(Decoder& d) {
  const Type t = d.type();
  const std::string_view base = d.base();
  if (base == "add")
    emit_arithmetic<Add, Add, 2, 1>(d, t);
  else if (base == "sub")
    emit_arithmetic<Sub, Sub, 2, 1>(d, t);
  else if (base == "mul")
    emit_arithmetic<Mul, Mul, 2, 1>(d, t);
  else if (base == "mad")
    decode_fma(d);
  else if (base == "div")
    emit_arithmetic<Div, Div, 2>(d, t);
  else if (base == "abs" || base == "neg")
    decode_sign(d, t);
  else if (base == "min")
    d.has("NaN") ? emit_min_max<false, true>(d, t) : emit_min_max<false, false>(d, t);
  else if (base == "max")
    d.has("NaN") ? emit_min_max<true, true>(d, t) : emit_min_max<true, false>(d, t);
  else
    throw NotImplemented{"no floating-point form"};
}

std::span<const OpcodeEntry> float_opcodes() {
  static constexpr OpcodeEntry table[] = {{"fma", decode_fma},
                                          {"sqrt", decode_root},
                                          {"rcp", decode_root},
                                          {"rsqrt", decode_root},
                                          {"ex2", decode_transcendental},
                                          {"lg2", decode_transcendental},
                                          {"sin", decode_transcendental},
                                          {"cos", decode_transcendental},
                                          {"tanh", decode_transcendental},
                                          {"copysign", decode_copysign},
                                          {"testp", decode_testp}};
  return table;
}

}  // namespace cuemu
