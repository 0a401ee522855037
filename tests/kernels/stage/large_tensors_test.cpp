// SPDX-License-Identifier: MIT
// Tensors of more than 2^31 elements in the kernels without tensor cores: the last CTAs of the grid, launched
// by hand.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <vector>

#include "entry_points.hpp"
#include "foldconv/activation.hpp"
#include "harness/oracle/rounding.hpp"
#include "kernels/support/large_tensors.hpp"
#include "params/conv_params.hpp"

namespace foldconv::kernel_tests {
namespace {

// f16 values from element `first` of a tensor on.
class LargeF16Tensors : public LargeTensors {
 protected:
  template <class T>
  const T* upload(const std::vector<T>& values) {
    std::byte* const buffer = allocate(static_cast<std::int64_t>(values.size() * sizeof(T)));
    LargeTensors::put(buffer, std::as_bytes(std::span(values)));
    return reinterpret_cast<const T*>(buffer);
  }
  static void put(std::byte* tensor, std::int64_t first, const std::vector<float>& values) {
    LargeTensors::put(tensor + first * 2, oracle::encode(DataType::f16, values));
  }
  static std::vector<float> get(const std::byte* tensor, std::int64_t first, std::size_t count) {
    return oracle::decode(DataType::f16, LargeTensors::get(tensor + first * 2, count * 2));
  }
  template <class Params>
  static void launch(const void* kernel, std::int64_t grid, int threads, Params params,
                     std::int64_t first_cta) {
    run_ctas(first_cta, 1, [&] {
      void* arguments[] = {&params};
      harness::check(
          cudaLaunchKernel(kernel, dim3(static_cast<unsigned int>(grid)),
                           dim3(static_cast<unsigned int>(threads)), arguments, 0, nullptr),
          "launch");
    });
  }
};

constexpr std::int64_t kLimit = std::int64_t{1} << 31;

// Small whole numbers: every result is exact.
std::vector<float> numbers(std::size_t count, int period) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i % period) - 2;
  return values;
}

TEST_F(LargeF16Tensors, DirectConvolution) {
  constexpr int kHeight = 1 << 15, kWidth = (1 << 15) + 1, kChannels = 2;
  constexpr std::int64_t kElements = std::int64_t{kHeight} * kWidth * kChannels;
  static_assert(kElements > kLimit + kDirectThreads);
  std::byte* const x = allocate(kElements * 2);
  std::byte* const residual = allocate(kElements * 2);
  std::byte* const y = allocate(kElements * 2);
  const std::vector<float> x_end = numbers(kDirectThreads, 5), z_end = numbers(kDirectThreads, 7);
  put(x, kElements - kDirectThreads, x_end);
  put(residual, kElements - kDirectThreads, z_end);
  // Two rows of the packed matrix: 64 elements each, two of them used.
  std::vector<float> w(128);
  w[0] = 1, w[1] = 2, w[64] = 3, w[65] = -1;
  std::byte* const packed = allocate(256);
  put(packed, 0, w);

  DirectParams params = {};
  params.x = x;
  params.w = packed;
  params.scale = upload<float>({2, 1});
  params.bias = upload<float>({1, -1});
  params.residual = residual;
  params.y = y;
  params.g = {.n = 1,
              .h = kHeight,
              .w = kWidth,
              .c = kChannels,
              .k = kChannels,
              .p = kHeight,
              .q = kWidth,
              .r = 1,
              .s = 1,
              .stride_h = 1,
              .stride_w = 1,
              .pad_top = 0,
              .pad_left = 0,
              .dilation_h = 1,
              .dilation_w = 1,
              .groups = 1,
              .c_per_group = kChannels,
              .k_per_group = kChannels,
              .x_pitch = kChannels,
              .residual_pitch = kChannels,
              .y_pitch = kChannels};
  launch(kernels::direct_f16_sm80(), kElements / kDirectThreads, kDirectThreads, params, -1);

  const std::vector<float> got = get(y, kElements - kDirectThreads, kDirectThreads);
  for (std::size_t i = 0; i < got.size(); i += 2) {
    const float a = x_end[i], b = x_end[i + 1];
    EXPECT_EQ(got[i], 2 * (a + 2 * b) + 1 + z_end[i]) << i;
    EXPECT_EQ(got[i + 1], 3 * a - b - 1 + z_end[i + 1]) << i;
  }
}

// The last whole pieces are the last CTA's, the rest is the first one's.
TEST_F(LargeF16Tensors, Pointwise) {
  constexpr int kCount = kPointwiseThreads * 8, kRest = 5, kChannels = 3;
  constexpr std::int64_t kElements = kLimit + kCount + kRest;
  constexpr std::int64_t kFirst = kElements - kCount - kRest;
  std::byte* const x = allocate(kElements * 2);
  std::byte* const z = allocate(kElements * 2);
  const std::vector<float> x_end = numbers(kCount + kRest, 5), z_end = numbers(kCount + kRest, 7);
  put(x, kFirst, x_end);
  put(z, kFirst, z_end);

  PointwiseParams params = {};
  params.x = x;
  params.z = z;
  params.elements = kElements;
  params.c = kChannels;
  const std::vector<float> beta = {1, 2, 3};
  params.gamma = upload<float>({1, 1, 1});
  params.beta = upload(beta);
  params.mean = upload<float>({0, 0, 0});
  params.variance = upload<float>({1, 1, 1});
  params.activation = {static_cast<int>(Activation::Kind::leaky_relu), 2.0f};
  const auto check = [&](const char* what, const void* kernel, auto&& expected) {
    std::byte* const y = allocate(kElements * 2);
    params.y = y;
    for (const int cta : {-1, 0}) {
      launch(kernel, kElements / 8 / kPointwiseThreads, kPointwiseThreads, params, cta);
    }
    const std::vector<float> got = get(y, kFirst, kCount + kRest);
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], expected(i)) << what << i;
  };
  check("add ", kernels::add_f16_sm80(), [&](std::size_t i) { return x_end[i] + z_end[i]; });
  check("activate ", kernels::activate_f16_sm80(),
        [&](std::size_t i) { return x_end[i] > 0 ? x_end[i] : 2 * x_end[i]; });
  check("batch_norm ", kernels::batch_norm_f16_sm80(), [&](std::size_t i) {
    return x_end[i] +
           beta[static_cast<std::size_t>(kFirst + static_cast<std::int64_t>(i)) % kChannels];
  });
}

}  // namespace
}  // namespace foldconv::kernel_tests
