// SPDX-License-Identifier: MIT
// Stages of kernels alone: swizzle, product, accumulators, epilogue; the ring.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "foldconv/activation.hpp"
#include "harness/oracle/rounding.hpp"
#include "kernels/stage/buffers.hpp"
#include "kernels/stage/stage_kernels.hpp"

namespace foldconv::stage_tests {
namespace {

constexpr int kRows = 32, kSlice = 64;

double exact(const Activation& activation, double v) {
  switch (activation.kind) {
    case Activation::Kind::relu:
      return std::fmax(v, 0);
    case Activation::Kind::relu6:
      return std::fmin(std::fmax(v, 0), 6);
    case Activation::Kind::leaky_relu:
      return v > 0 ? v : activation.alpha * v;
    case Activation::Kind::silu:
      return v / (1 + std::exp(-v));
    case Activation::Kind::sigmoid:
      return 1 / (1 + std::exp(-v));
    case Activation::Kind::tanh:
      return std::tanh(v);
    case Activation::Kind::hardswish:
      return v * std::fmin(std::fmax(v + 3, 0), 6) / 6;
    case Activation::Kind::gelu:
      return v * 0.5 * (1 + std::erf(v / std::sqrt(2.0)));
    case Activation::Kind::hard_sigmoid:
      return std::fmax(0, std::fmin(1, activation.alpha * v + activation.beta));
    case Activation::Kind::clip:
      return std::fmin(std::fmax(v, activation.alpha), activation.beta);
    default:
      return v;
  }
}

// The limits of those that kernels know as clip alone.
Activation for_kernels(const Activation& activation) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (activation == Activation::none) return Activation::clip(-kInfinity, kInfinity);
  if (activation == Activation::relu) return Activation::clip(0, kInfinity);
  return activation == Activation::relu6 ? Activation::clip(0, 6) : activation;
}

// Small whole numbers and halves: sums are exact, so an activation's result alone has an error.
void expect_product(const Activation& activation, bool with_residual, int channels, bool rows) {
  std::vector<float> x(kRows * kSlice), w(kRows * kSlice), scale(kRows), bias(kRows),
      z(kRows * kRows);
  std::uint32_t state = 1;
  const auto small = [&](std::uint32_t count) {
    state = state * 1664525u + 1013904223u;
    return static_cast<float>((state >> 16) % count) - static_cast<float>(count / 2);
  };
  for (float& v : x) v = small(3);
  for (float& v : w) v = small(3);
  for (float& v : scale) v = small(5) / 4;
  for (float& v : bias) v = small(7) / 2;
  for (float& v : z) v = small(9) / 2;
  const DeviceBuffer x_buffer(oracle::encode(DataType::f16, x)),
      w_buffer(oracle::encode(DataType::f16, w)),
      scale_buffer = on_device(scale), bias_buffer = on_device(bias), z_buffer = on_device(z),
      y(kRows * kRows * sizeof(float));
  const Activation given = for_kernels(activation);
  launch_product({static_cast<const std::uint16_t*>(x_buffer.data()),
                  static_cast<const std::uint16_t*>(w_buffer.data()),
                  static_cast<const float*>(scale_buffer.data()),
                  static_cast<const float*>(bias_buffer.data()),
                  with_residual ? static_cast<const float*>(z_buffer.data()) : nullptr,
                  static_cast<float*>(y.data()), channels, static_cast<int>(given.kind),
                  given.alpha, given.beta, rows});
  kernel_tests::check(cudaDeviceSynchronize(), "product");
  const std::vector<float> got = downloaded<float>(y);
  for (int m = 0; m < kRows; ++m) {
    for (int k = 0; k < kRows; ++k) {
      double sum = 0;
      for (int c = 0; c < kSlice; ++c) sum += double{x[m * kSlice + c]} * w[k * kSlice + c];
      double v = k < channels ? sum * scale[k] + bias[k] : 0;
      if (with_residual) v += z[m * kRows + k];
      const double expected = exact(activation, v);
      ASSERT_NEAR(got[m * kRows + k], expected, 1e-6 * std::fmax(std::fabs(v), 1))
          << "row " << m << ", column " << k << ", " << to_string(activation);
    }
  }
}

TEST(StageEpilogue, Channels) {
  for (const int channels : {1, 7, 8, 31, 32})
    expect_product(Activation::none, false, channels, false);
}

TEST(StageEpilogue, EveryActivationByColumnsAndByRows) {
  for (int kind = 0; kind < kActivationCount; ++kind) {
    for (const bool rows : {false, true})
      expect_product({static_cast<Activation::Kind>(kind), 1.5f, 2.0f}, kind % 2 == 0, 31, rows);
  }
}

// From fewer stages than the ring has to some that wrap around.
TEST(StageRing, EveryLengthArrivesInOrder) {
  for (const int stages : {2, 3, 4}) {
    for (const int count : {1, 2, 3, 4, 5, 9}) {
      std::vector<std::uint32_t> x(static_cast<std::size_t>(count) * 256);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::uint32_t>(i * 2654435761u);
      const DeviceBuffer source = on_device(x), y(x.size() * 4);
      launch_ring({static_cast<const std::uint32_t*>(source.data()),
                   static_cast<std::uint32_t*>(y.data()), count},
                  stages);
      kernel_tests::check(cudaDeviceSynchronize(), "ring");
      EXPECT_EQ(downloaded<std::uint32_t>(y), x) << stages << " stages, " << count << " copies";
    }
  }
}

}  // namespace
}  // namespace foldconv::stage_tests
