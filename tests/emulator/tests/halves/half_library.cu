// SPDX-License-Identifier: MIT
// The intrinsics of cuda_fp16.h and cuda_bf16.h, which many kernels are written with: single
// instructions where the architecture has them, longer sequences (bf16 sums on sm_80) where not.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>

#include "support/device.cuh"
#include "support/float_formats.hpp"

using namespace cuemu_tests;

namespace {

enum Result {
  kSum,
  kDifference,
  kProduct,
  kQuotient,
  kFused,
  kLarger,
  kExponential,
  kRoot,
  kLow,
  kHigh,
  kLess,
  kEqual,
  kResults
};

template <class Half, class Pair>
__global__ void compute(Half* results, float* widened, const Half* a_values, const Half* b_values) {
  const int i = threadIdx.x;
  const Half a = a_values[i], b = b_values[i], zero = Half(0.0f), one = Half(1.0f);
  Half* r = results + i * kResults;
  r[kSum] = a + b;
  r[kDifference] = a - b;
  r[kProduct] = a * b;
  r[kQuotient] = a / b;
  r[kFused] = __hfma(a, b, a);
  r[kLarger] = __hmax(a, b);
  r[kExponential] = hexp(a);
  r[kRoot] = hsqrt(__habs(a));
  const Pair pair = __hfma2(Pair(a, b), Pair(b, b), Pair(a, a));
  r[kLow] = pair.x;
  r[kHigh] = pair.y;
  r[kLess] = a < b ? one : zero;
  r[kEqual] = __heq(a, b) ? one : zero;
  widened[i] = static_cast<float>(a);
}

// `encode` rounds a double to the format, `Bits` is the host's view of it.
template <class Half, class Pair, class Bits>
void expect_library(const char* file, int line, Bits (*round)(double, int)) {
  Random random(11);
  std::vector<Bits> a, b;
  for (int i = 0; i < 128; ++i) {
    a.push_back(round(random.between(-400, 400) / 64.0, FE_TONEAREST));
    b.push_back(i % 8 == 0 ? a.back() : round((random.between(1, 300) - 0.5) / 32.0, FE_TONEAREST));
  }
  const DeviceBuffer<Bits> device_a(a), device_b(b), results(128 * kResults);
  const DeviceBuffer<float> widened(128);
  compute<Half, Pair><<<1, 128>>>(reinterpret_cast<Half*>(results.get()), widened.get(),
                                  reinterpret_cast<const Half*>(device_a.get()),
                                  reinterpret_cast<const Half*>(device_b.get()));
  expect_success(file, line, "compute", cudaDeviceSynchronize());
  const std::vector<Bits> actual = results.download();
  const std::vector<float> floats = widened.download();
  for (int i = 0; i < 128; ++i) {
    const double x = to_double(a[i]), y = to_double(b[i]);
    const double expected[kResults] = {x + y,
                                       x - y,
                                       x * y,
                                       x / y,
                                       add_round_to_odd(x * y, x),
                                       std::fmax(x, y),
                                       std::exp(x),
                                       std::sqrt(std::fabs(x)),
                                       add_round_to_odd(x * y, x),
                                       add_round_to_odd(y * y, x),
                                       x < y ? 1.0 : 0.0,
                                       x == y ? 1.0 : 0.0};
    for (int k = 0; k < kResults; ++k) {
      const Bits value = actual[i * kResults + k];
      // Division, exponential and root may be a unit off; all else is exact.
      const int tolerance = k == kQuotient || k == kExponential || k == kRoot ? 1 : 0;
      const int distance = std::abs(int(value.bits) - int(round(expected[k], FE_TONEAREST).bits));
      const bool zeros = to_double(value) == 0 && expected[k] == 0;
      expect_true(file, line, "result is right", distance <= tolerance || zeros,
                  "function " + std::to_string(k) + " of " + std::to_string(x) + ", " +
                      std::to_string(y) + ": " + std::to_string(to_double(value)));
    }
    expect_equal(file, line, "widened", double(floats[i]), x);
  }
}

TEST(HalfLibrary, f16) {
  expect_library<__half, __half2, f16>(__FILE__, __LINE__, to_f16);
}
TEST(HalfLibrary, bf16) {
  expect_library<__nv_bfloat16, __nv_bfloat162, bf16>(__FILE__, __LINE__, to_bf16);
}

__global__ void convert_in_pairs(__half2* halves, __nv_bfloat162* brains, float2* back,
                                 const float2* in) {
  const int i = threadIdx.x;
  halves[i] = __float22half2_rn(in[i]);
  brains[i] = __float22bfloat162_rn(in[i]);
  const float2 h = __half22float2(halves[i]), b = __bfloat1622float2(brains[i]);
  back[i] = make_float2(h.x + h.y, b.x + b.y);
}

TEST(HalfLibrary, conversions_in_pairs) {
  std::vector<float2> in;
  for (int i = 0; i < 32; ++i) in.push_back(make_float2(i * 0.37f - 3, 1000.0f / (i + 1)));
  const DeviceBuffer<float2> device_in(in), back(32);
  const DeviceBuffer<u32> halves(32), brains(32);
  LAUNCH(convert_in_pairs, 1, 32, reinterpret_cast<__half2*>(halves.get()),
         reinterpret_cast<__nv_bfloat162*>(brains.get()), back.get(), device_in.get());
  const std::vector<u32> h = halves.download(), b = brains.download();
  const std::vector<float2> sums = back.download();
  for (int i = 0; i < 32; ++i) {
    const f16 hx = to_f16(in[i].x), hy = to_f16(in[i].y);
    const bf16 bx = to_bf16(in[i].x), by = to_bf16(in[i].y);
    EXPECT_EQ(h[i], hx.bits | u32(hy.bits) << 16);
    EXPECT_EQ(b[i], bx.bits | u32(by.bits) << 16);
    EXPECT_EQ(sums[i].x, float(to_double(hx)) + float(to_double(hy)));
    EXPECT_EQ(sums[i].y, float(to_double(bx)) + float(to_double(by)));
  }
}

}  // namespace
