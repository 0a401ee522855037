// SPDX-License-Identifier: MIT
// Conv + BatchNorm + ReLU through the installed package, with numbers that can be checked by hand.
#include <cstdint>
#include <cstdio>
#include <vector>

#include <cuda_runtime_api.h>
#include <foldconv/foldconv.hpp>

namespace {

int fail(const char* what) {
  std::fprintf(stderr, "consumer: %s\n", what);
  return 1;
}

// What these classes hold is the library's own.
template <class Object>
concept ShowsItsData = requires {
  typename Object::Data;
};
static_assert(!ShowsItsData<foldconv::FoldedConv> && !ShowsItsData<foldconv::Conv> &&
              !ShowsItsData<foldconv::ConvPlan> && !ShowsItsData<foldconv::Block> &&
              !ShowsItsData<foldconv::BlockPlan> && !ShowsItsData<foldconv::Stage> &&
              !ShowsItsData<foldconv::Network> && !ShowsItsData<foldconv::NetworkPlan>);

// fp16 bits of small integers.
constexpr std::uint16_t kZero = 0x0000, kOne = 0x3c00, kTwo = 0x4000, kThree = 0x4200,
                        kFive = 0x4500;

}  // namespace

// x is 4x4x8 ones, w 3x3x8 ones / 8 in both output channels: 9 inside, 6 at edges, 4 in corners.
// Channel 0: (v - 4) * 2 / sqrt(3.75 + 0.25) + 0 = v - 4. Channel 1, gamma -2 and beta 5: 9 - v.
int main() {
  using namespace foldconv;
  if (version() != kVersion) return fail("the library is of another version than its headers");
  constexpr int kChannels = 8, kOutputs = 2, kSize = 4;
  const std::vector<float> weights(kOutputs * kChannels * 9, 0.125f);
  const std::vector<float> gamma = {2, -2}, beta = {0, 5}, mean = {4, 4}, variance = {3.75f, 3.75f};
  const auto folded = fold(
      {.values = weights, .k = kOutputs, .c_per_group = kChannels, .r = 3, .s = 3, .bias = {}},
      BatchNorm{
          .gamma = gamma, .beta = beta, .mean = mean, .variance = variance, .eps = Epsilon{0.25}});
  if (!folded) return fail(folded.status().message().c_str());
  const auto conv = Conv::create(*folded);
  if (!conv) return fail(conv.status().message().c_str());
  const auto plan = conv->plan({.h = kSize, .w = kSize},
                               {.pad = Padding::same(1), .activation = Activation::relu});
  if (!plan) return fail(plan.status().message().c_str());

  const std::vector<std::uint16_t> x(kSize * kSize * kChannels, kOne);
  std::vector<std::uint16_t> y(kSize * kSize * kOutputs, 0xffff);
  void *x_device = nullptr, *y_device = nullptr;
  if (cudaMalloc(&x_device, x.size() * 2) != cudaSuccess ||
      cudaMalloc(&y_device, y.size() * 2) != cudaSuccess ||
      cudaMemcpy(x_device, x.data(), x.size() * 2, cudaMemcpyHostToDevice) != cudaSuccess) {
    return fail("no device memory");
  }
  const Status status = plan->run({.x = x_device, .y = y_device});
  if (!status) return fail(status.message().c_str());
  if (cudaMemcpy(y.data(), y_device, y.size() * 2, cudaMemcpyDeviceToHost) != cudaSuccess) {
    return fail("the kernel failed");
  }
  cudaFree(x_device);
  cudaFree(y_device);

  const auto at = [&](int p, int q, int k) {
    return y[static_cast<std::size_t>((p * kSize + q) * kOutputs + k)];
  };
  for (int p = 0; p < kSize; ++p) {
    for (int q = 0; q < kSize; ++q) {
      const bool row_end = p == 0 || p == kSize - 1, column_end = q == 0 || q == kSize - 1;
      const bool corner = row_end && column_end, inside = !row_end && !column_end;
      if (at(p, q, 0) != (corner ? kZero : inside ? kFive : kTwo)) return fail("wrong channel 0");
      if (at(p, q, 1) != (corner ? kFive : inside ? kZero : kThree)) return fail("wrong channel 1");
    }
  }
  std::printf("consumer: ok, %s\n", plan->explanation().kernel.c_str());
  return 0;
}
