// SPDX-License-Identifier: MIT
// A bottleneck block as one, two and three kernels, and as plan() would have it: the same numbers, known by hand.
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <foldconv/foldconv.hpp>

#include <algorithm>
#include <cstdio>
#include <vector>

int report(const foldconv::Status& status) {
  std::fprintf(stderr, "block: %s\n", status.message().c_str());
  return 1;
}

int main() {
  using namespace foldconv;
  constexpr int kH = 6, kW = 10, kC = 256, kMiddle = 64, kSize = kH * kW * kC;
  // conv1 and conv3 take the mean of the channels, conv2 the sum of 3x3 pixels of it; BatchNorm halves.
  const std::vector<float> w1(kMiddle * kC, 1.0f / kC), w2(kMiddle * kMiddle * 9, 1.0f / kMiddle),
      w3(kC * kMiddle, 1.0f / kMiddle);
  const std::vector<float> zeros(kC, 0), fours(kC, 4);
  const auto block = Block::create(
      {.conv1 = {{.values = w1, .k = kMiddle, .c_per_group = kC}},
       .conv2 = {{.values = w2, .k = kMiddle, .c_per_group = kMiddle, .r = 3, .s = 3}},
       .conv3 = {{.values = w3, .k = kC, .c_per_group = kMiddle},
                 BatchNorm{.mean = zeros, .variance = fours, .eps = Epsilon{0}}}});
  if (!block) return report(block.status());

  __half *x = nullptr, *y = nullptr;  // NHWC
  cudaMallocManaged(&x, kSize * sizeof(__half));
  cudaMallocManaged(&y, kSize * sizeof(__half));
  for (int i = 0; i < kSize; ++i) x[i] = float(i / kC % kW);  // its column
  for (const auto cut : {BlockCut::automatic, BlockCut::whole, BlockCut::tails, BlockCut::chain}) {
    const auto plan = block->plan({.h = kH, .w = kW}, {.cut = cut});
    if (!plan) return report(plan.status());
    if (cut == BlockCut::automatic) std::puts(plan->explanation().to_string().c_str());
    void* workspace = nullptr;
    cudaMalloc(&workspace, plan->workspace_bytes());
    cudaMemset(y, 0xff, kSize * sizeof(__half));
    const Status status = plan->run(
        {.x = x, .y = y, .workspace = workspace, .workspace_bytes = plan->workspace_bytes()});
    if (!status) return report(status);
    cudaDeviceSynchronize();
    cudaFree(workspace);

    for (int i = 0; i < kSize; ++i) {
      const int h = i / kC / kW, w = i / kC % kW;
      const int rows = std::min(h + 1, kH - 1) - std::max(h - 1, 0) + 1;
      const int columns = w == 0 ? 1 : w == kW - 1 ? 2 * w - 1 : 3 * w;
      if (float(y[i]) != float(rows * columns) / 2 + float(w))
        return report({ErrorCode::cuda_error, "wrong"});
    }
  }
}
