// SPDX-License-Identifier: MIT
// The .approx instructions, held to the error that the PTX manual allows, and exact where it gives
// exact special cases.
#include <cmath>
#include <limits>

#include "support/float_formats.hpp"
#include "support/opcode.cuh"

using namespace cuemu_tests;

namespace {

constexpr f32 kInfinity = std::numeric_limits<f32>::infinity();
constexpr f32 kNan = std::numeric_limits<f32>::quiet_NaN();

bool exactly(f32 a, f32 b) {
  return bit_cast<u32>(a) == bit_cast<u32>(b) || (a != a && b != b);
}

// Distance on the number line of all floats.
template <int kUlps>
struct WithinUlps {
  bool operator()(f32 actual, f32 expected) const {
    const auto ordered = [](f32 a) {
      const s64 bits = bit_cast<s32>(a) & 0x7fffffff;
      return std::signbit(a) ? -bits : bits;
    };
    return exactly(actual, expected) || std::llabs(ordered(actual) - ordered(expected)) <= kUlps;
  }
};
template <int kBits>
struct WithinAbsolute {
  bool operator()(f32 actual, f32 expected) const {
    return exactly(actual, expected) || std::fabs(actual - expected) <= std::ldexp(1.0, -kBits);
  }
};
template <int kBits>
struct WithinRelative {
  bool operator()(f32 actual, f32 expected) const {
    return exactly(actual, expected) ||
           std::fabs(actual - expected) <= std::ldexp(std::fabs(double(expected)), -kBits);
  }
};

// 0, the powers of two, then points spread over a range of exponents, with both signs if asked.
std::vector<f32> spread(int low_exponent, int high_exponent, bool negative) {
  std::vector<f32> values;
  Random random(5);
  for (int e = low_exponent; e <= high_exponent; ++e) {
    for (int i = 0; i < 24; ++i) {
      const f32 fraction = i == 0 ? 1 : 1 + f32(random.next() >> 40) * 0x1p-24f;
      values.push_back(std::ldexp(fraction, e));
      if (negative) values.push_back(-values.back());
    }
  }
  return values;
}

PTX_OP1(Exp2, f32, f32, "ex2.approx.f32 %0, %1;");
PTX_OP1(Exp2Flush, f32, f32, "ex2.approx.ftz.f32 %0, %1;");
PTX_OP1(Log2, f32, f32, "lg2.approx.f32 %0, %1;");
PTX_OP1(Reciprocal, f32, f32, "rcp.approx.f32 %0, %1;");
PTX_OP1(ReciprocalFlush, f32, f32, "rcp.approx.ftz.f32 %0, %1;");
PTX_OP1(SquareRoot, f32, f32, "sqrt.approx.f32 %0, %1;");
PTX_OP1(ReciprocalSquareRoot, f32, f32, "rsqrt.approx.f32 %0, %1;");
PTX_OP1(Sine, f32, f32, "sin.approx.f32 %0, %1;");
PTX_OP1(Cosine, f32, f32, "cos.approx.f32 %0, %1;");
PTX_OP1(HyperbolicTangent, f32, f32, "tanh.approx.f32 %0, %1;");

TEST(Approximate, exponential) {
  const auto reference = [](f32 a) { return f32(std::exp2(double(a))); };
  EXPECT_OPCODE_NEAR(Exp2, WithinUlps<4>(), reference, spread(-30, 6, true));
  const std::vector<f32> special = {0.0f, -0.0f, 1,         -1,         127,
                                    -126, 128,   kInfinity, -kInfinity, kNan};
  EXPECT_OPCODE_NEAR(Exp2, WithinUlps<4>(), reference, special);
  const std::vector<f32> below_normal = {-127, -130.5f, -149};
  EXPECT_OPCODE_NEAR(Exp2, WithinUlps<1>(), reference, below_normal);
  EXPECT_OPCODE_ON(
      Exp2Flush, [](f32) { return 0.0f; }, below_normal);
}

TEST(Approximate, logarithm) {
  const auto reference = [](f32 a) { return f32(std::log2(double(a))); };
  EXPECT_OPCODE_NEAR(Log2, WithinAbsolute<21>(), reference, spread(-1, 0, false));
  EXPECT_OPCODE_NEAR(Log2, WithinRelative<21>(), reference, spread(2, 127, false));
  EXPECT_OPCODE_NEAR(Log2, WithinRelative<21>(), reference, spread(-126, -2, false));
  const std::vector<f32> special = {0.0f, -0.0f, -1, kInfinity, -kInfinity, kNan};
  EXPECT_OPCODE_ON(Log2, reference, special);
}

TEST(Approximate, reciprocal) {
  const auto reference = [](f32 a) { return 1 / a; };
  EXPECT_OPCODE_NEAR(Reciprocal, WithinUlps<1>(), reference, spread(-126, 125, true));
  const std::vector<f32> special = {0.0f, -0.0f, kInfinity, -kInfinity, kNan};
  EXPECT_OPCODE_ON(Reciprocal, reference, special);
  const std::vector<f32> denormal = {0x1p-140f, -0x1p-127f};
  EXPECT_OPCODE_ON(
      ReciprocalFlush, [](f32 a) { return a > 0 ? kInfinity : -kInfinity; }, denormal);
}

TEST(Approximate, square_roots) {
  const auto root = [](f32 a) { return f32(std::sqrt(double(a))); };
  const auto reciprocal_root = [](f32 a) { return f32(1 / std::sqrt(double(a))); };
  EXPECT_OPCODE_NEAR(SquareRoot, WithinUlps<2>(), root, spread(-126, 127, false));
  EXPECT_OPCODE_NEAR(ReciprocalSquareRoot, WithinUlps<2>(), reciprocal_root,
                     spread(-126, 127, false));
  const std::vector<f32> special = {0.0f, -0.0f, kInfinity, -kInfinity, kNan, -1};
  EXPECT_OPCODE_ON(SquareRoot, root, special);
  EXPECT_OPCODE_ON(ReciprocalSquareRoot, reciprocal_root, special);
}

TEST(Approximate, trigonometric) {
  const auto sine = [](f32 a) { return f32(std::sin(double(a))); };
  const auto cosine = [](f32 a) { return f32(std::cos(double(a))); };
  EXPECT_OPCODE_NEAR(Sine, WithinAbsolute<20>(), sine, spread(-20, 0, true));
  EXPECT_OPCODE_NEAR(Cosine, WithinAbsolute<20>(), cosine, spread(-20, 0, true));
  const std::vector<f32> special = {0.0f, kInfinity, kNan};
  EXPECT_OPCODE_NEAR(Sine, WithinUlps<0>(), sine, special);
  EXPECT_OPCODE_NEAR(Cosine, WithinUlps<0>(), cosine, special);
}

TEST(Approximate, hyperbolic_tangent) {
  const auto reference = [](f32 a) { return f32(std::tanh(double(a))); };
  EXPECT_OPCODE_NEAR(HyperbolicTangent, WithinRelative<10>(), reference, spread(-12, 7, true));
  const std::vector<f32> special = {0.0f, -0.0f, kInfinity, -kInfinity, kNan};
  EXPECT_OPCODE_ON(HyperbolicTangent, reference, special);
}

PTX_OP2(DivideApproximate, f32, f32, f32, "div.approx.f32 %0, %1, %2;");
PTX_OP2(DivideFullRange, f32, f32, f32, "div.full.f32 %0, %1, %2;");

TEST(Approximate, division) {
  const auto reference = [](f32 a, f32 b) { return a / b; };
  std::vector<f32> a, b;
  for (f32 x : spread(-10, 10, true)) {
    for (f32 y : {0x1p-120f, 0.3f, -1.0f, 7.0f, 1e10f, -0x1.8p100f}) {
      a.push_back(x);
      b.push_back(y);
    }
  }
  EXPECT_OPCODE_NEAR(DivideApproximate, WithinUlps<2>(), reference, a, b);
  EXPECT_OPCODE_NEAR(DivideFullRange, WithinUlps<2>(), reference, a, b);
}

PTX_OP1(Exp2_f16, f16, f16, "ex2.approx.f16 %0, %1;");
PTX_OP1(Exp2_f16x2, f16x2, f16x2, "ex2.approx.f16x2 %0, %1;");
PTX_OP1(HyperbolicTangent_f16, f16, f16, "tanh.approx.f16 %0, %1;");

template <int kUlps>
struct WithinHalfUlps {
  bool operator()(f16 actual, f16 expected) const {
    return (is_nan(actual) && is_nan(expected)) || std::abs(actual.bits - expected.bits) <= kUlps;
  }
  bool operator()(f16x2 actual, f16x2 expected) const {
    return (*this)(f16{u16(actual.bits)}, f16{u16(expected.bits)}) &&
           (*this)(f16{u16(actual.bits >> 16)}, f16{u16(expected.bits >> 16)});
  }
};
struct WithinTanhError {  // absolute: 2^-10.987
  bool operator()(f16 actual, f16 expected) const {
    return std::fabs(to_double(actual) - to_double(expected)) <= 0x1.1p-11;
  }
};

TEST(Approximate, halves) {
  std::vector<f16> values;
  std::vector<f16x2> pairs;
  for (f32 value : spread(-8, 3, true)) {
    values.push_back(to_f16(value));
    pairs.push_back({u32(to_f16(value).bits) | u32(to_f16(value / 3).bits) << 16});
  }
  const auto exp2 = [](f16 a) { return to_f16(std::exp2(to_double(a))); };
  const auto tanh = [](f16 a) { return to_f16(std::tanh(to_double(a))); };
  EXPECT_OPCODE_NEAR(Exp2_f16, WithinHalfUlps<3>(), exp2, values);
  EXPECT_OPCODE_NEAR(
      Exp2_f16x2, WithinHalfUlps<3>(),
      [=](f16x2 a) {
        return f16x2{exp2(f16{u16(a.bits)}).bits | u32(exp2(f16{u16(a.bits >> 16)}).bits) << 16};
      },
      pairs);
  EXPECT_OPCODE_NEAR(HyperbolicTangent_f16, WithinTanhError(), tanh, values);
}

}  // namespace
