// SPDX-License-Identifier: MIT
// Convolution + BatchNorm + residual + ReLU as one launch, checked against the formula in double.
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <foldconv/foldconv.hpp>

#include <cmath>
#include <cstdio>
#include <vector>

int report(const foldconv::Status& status) {
  std::fprintf(stderr, "conv: %s\n", status.message().c_str());
  return 1;
}

// `count` numbers between middle - 1 and middle + 1.
std::vector<float> wave(int count, float middle) {
  std::vector<float> values;
  for (int i = 0; i < count; ++i) values.push_back(middle + std::sin(0.1f * float(i * i)));
  return values;
}

int main() {
  using namespace foldconv;
  constexpr int kH = 9, kW = 7, kC = 24, kTaps = 9 * kC, kSize = kH * kW * kC;
  const auto w = wave(kC * kTaps, 0), b = wave(kC, 0), m = wave(kC, 1), v = wave(kC, 2);
  const auto folded = fold({.values = w, .k = kC, .c_per_group = kC, .r = 3, .s = 3},
                           BatchNorm{.beta = b, .mean = m, .variance = v, .eps = Epsilon{1e-5}});
  if (!folded) return report(folded.status());
  const auto conv = Conv::create(*folded);
  if (!conv) return report(conv.status());
  const auto plan =
      conv->plan({.h = kH, .w = kW},
                 {.pad = Padding::same(1), .activation = Activation::relu, .residual = true});
  if (!plan) return report(plan.status());

  const auto pixels = wave(kSize, 0), added = wave(kSize, 0.5f);
  __half *x = nullptr, *y = nullptr;  // NHWC
  cudaMallocManaged(&x, kSize * sizeof(__half));
  cudaMallocManaged(&y, kSize * sizeof(__half));
  for (int i = 0; i < kSize; ++i) x[i] = pixels[i], y[i] = added[i];
  const Status status = plan->run({.x = x, .residual = y, .y = y});  // added in place
  if (!status) return report(status);
  cudaDeviceSynchronize();

  for (int i = 0; i < kSize; ++i) {
    const int k = i % kC;
    double sum = 0;
    for (int tap = 0; tap < kTaps; ++tap) {
      const int h = i / kC / kW + tap / 3 % 3 - 1, q = i / kC % kW + tap % 3 - 1;
      if (h < 0 || h >= kH || q < 0 || q >= kW) continue;
      sum += pixels[(h * kW + q) * kC + tap / 9] * w[k * kTaps + tap];
    }
    const double right = std::fmax(0, (sum - m[k]) / std::sqrt(v[k] + 1e-5) + b[k] + added[i]);
    // x, weights and y are rounded to fp16.
    if (!(std::abs(right - float(y[i])) < 0.02)) return report({ErrorCode::cuda_error, "wrong"});
  }
  std::printf("conv: ok, %s\n", plan->explanation().kernel.c_str());
}
