// SPDX-License-Identifier: MIT
// A convolution between two kernels of the program's own, in one stream.
#include <cstdint>
#include <cstdio>
#include <vector>

#include <foldconv/conv.hpp>

namespace {

constexpr int kSize = 4, kPixels = kSize * kSize, kChannels = 8, kOutputs = 8;
constexpr std::uint16_t kOne = 0x3c00, kTwo = 0x4000;  // in fp16

__global__ void fill(std::uint16_t* x) {
  x[blockIdx.x * kChannels + threadIdx.x] = kOne;
}

__global__ void count_twos(const std::uint16_t* y, int* count) {
  if (y[blockIdx.x * kOutputs + threadIdx.x] == kTwo) atomicAdd(count, 1);
}

int fail(const char* what) {
  std::fprintf(stderr, "own_kernels: %s\n", what);
  return 1;
}

}  // namespace

// Ones under weights of 1/4 over 8 channels: 2.
int main() {
  using namespace foldconv;
  const std::vector<float> weights(kOutputs * kChannels, 0.25f);
  const auto folded =
      fold({.values = weights, .k = kOutputs, .c_per_group = kChannels, .r = 1, .s = 1, .bias = {}},
           std::nullopt);
  if (!folded) return fail(folded.status().message().c_str());
  const auto conv = Conv::create(*folded);
  if (!conv) return fail(conv.status().message().c_str());
  const auto plan = conv->plan({.h = kSize, .w = kSize});
  if (!plan) return fail(plan.status().message().c_str());

  std::uint16_t *x = nullptr, *y = nullptr;
  int *count = nullptr, counted = 0;
  cudaStream_t stream = nullptr;
  if (cudaStreamCreate(&stream) != cudaSuccess ||
      cudaMalloc(&x, kPixels * kChannels * sizeof *x) != cudaSuccess ||
      cudaMalloc(&y, kPixels * kOutputs * sizeof *y) != cudaSuccess ||
      cudaMalloc(&count, sizeof *count) != cudaSuccess ||
      cudaMemsetAsync(count, 0, sizeof *count, stream) != cudaSuccess) {
    return fail(cudaGetErrorString(cudaGetLastError()));
  }
  fill<<<kPixels, kChannels, 0, stream>>>(x);
  const Status status = plan->run({.x = x, .y = y}, stream);
  if (!status) return fail(status.message().c_str());
  count_twos<<<kPixels, kOutputs, 0, stream>>>(y, count);
  if (cudaMemcpyAsync(&counted, count, sizeof counted, cudaMemcpyDeviceToHost, stream) !=
          cudaSuccess ||
      cudaStreamSynchronize(stream) != cudaSuccess) {
    return fail(cudaGetErrorString(cudaGetLastError()));
  }
  if (counted != kPixels * kOutputs) return fail("a wrong sum");
  cudaFree(x);
  cudaFree(y);
  cudaFree(count);
  cudaStreamDestroy(stream);
  return 0;
}
