// SPDX-License-Identifier: MIT
// Ways to launch a kernel and to hand arguments to it; large grids; printf from the device.
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "../support/device.cuh"

using namespace cuemu_tests;

namespace {

__global__ void combine(int* out, char a, double b, short c, float d) {
  out[threadIdx.x] = a + static_cast<int>(b) * 10 + c * 100 + static_cast<int>(d) * 1000;
}
constexpr int kCombined = 1 + 20 + 300 + 4000;

TEST(RuntimeLaunches, argument_pointers) {
  const auto out = zeroed<int>(32);
  int* pointer = out.get();
  char a = 1;
  double b = 2;
  short c = 3;
  float d = 4;
  void* arguments[] = {&pointer, &a, &b, &c, &d};
  CUDA_OK(cudaLaunchKernel(reinterpret_cast<const void*>(combine), dim3(1), dim3(32), arguments, 0,
                           nullptr));
  CUDA_OK(cudaDeviceSynchronize());
  EXPECT_VALUES(out.download(), std::vector<int>(32, kCombined));
}

TEST(RuntimeLaunches, launch_configurations) {
  cudaStream_t stream;
  CUDA_OK(cudaStreamCreate(&stream));
  const auto out = zeroed<int>(8);
  cudaLaunchConfig_t configuration{};
  configuration.gridDim = dim3(1);
  configuration.blockDim = dim3(8);
  configuration.stream = stream;
  CUDA_OK(cudaLaunchKernelEx(&configuration, combine, out.get(), char(1), 2.0, short(3), 4.0f));
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_VALUES(out.download(), std::vector<int>(8, kCombined));
  CUDA_OK(cudaStreamDestroy(stream));
}

template <class T, int kScale>
__global__ void scale(T* values) {
  values[threadIdx.x] = static_cast<T>(values[threadIdx.x] * kScale);
}

TEST(RuntimeLaunches, template_instances_are_different_kernels) {
  const DeviceBuffer<int> integers(std::vector<int>{1, 2});
  const DeviceBuffer<double> doubles(std::vector<double>{0.5, 1.5});
  LAUNCH((scale<int, 3>), 1, 2, integers.get());
  LAUNCH((scale<int, -2>), 1, 2, integers.get());
  LAUNCH((scale<double, 4>), 1, 2, doubles.get());
  EXPECT_VALUES(integers.download(), {-6, -12});
  EXPECT_VALUES(doubles.download(), {2, 6});
}

struct Large {
  int values[900];
};

__global__ void pick(int* out, const __grid_constant__ Large large, int stride) {
  out[threadIdx.x] = large.values[threadIdx.x * stride % 900];
}
__device__ __noinline__ int sum_every(const int* values, int stride) {
  int sum = 0;
  for (int i = 0; i < 900; i += stride) sum += values[i];
  return sum;
}
// The parameter's address is taken: no copy is made of it.
__global__ void pass_on(int* out, const __grid_constant__ Large large) {
  out[threadIdx.x] = sum_every(large.values, threadIdx.x + 1);
}

TEST(RuntimeLaunches, large_parameters) {
  Large large;
  for (int i = 0; i < 900; ++i) large.values[i] = i * i;
  const DeviceBuffer<int> out(64);
  LAUNCH(pick, 1, 64, out.get(), large, 37);
  std::vector<int> picked, sums(64);
  for (int i = 0; i < 64; ++i) {
    picked.push_back(large.values[i * 37 % 900]);
    for (int k = 0; k < 900; k += i + 1) sums[i] += large.values[k];
  }
  EXPECT_VALUES(out.download(), picked);
  LAUNCH(pass_on, 1, 64, out.get(), large);
  EXPECT_VALUES(out.download(), sums);
}

__global__ void count_blocks(unsigned* count, unsigned long long* sum) {
  if (threadIdx.x != 0) return;
  atomicAdd(count, 1u);
  atomicAdd(sum, blockIdx.x + 1000ull * blockIdx.y + 1000000ull * blockIdx.z);
}

TEST(RuntimeLaunches, large_grids) {
  const auto count = zeroed<unsigned>(1);
  const auto sum = zeroed<unsigned long long>(1);
  LAUNCH(count_blocks, 20000, 32, count.get(), sum.get());
  EXPECT_EQ(count.download()[0], 20000u);
  EXPECT_EQ(sum.download()[0], 20000ull * 19999 / 2);
  LAUNCH(count_blocks, dim3(7, 5, 3), 32, count.get(), sum.get());
  EXPECT_EQ(count.download()[0], 20105u);
}

__global__ void greet(const char* name) {
  printf("%s %d of %d: %.2f %c%%\n", name, int(threadIdx.x), int(blockDim.x), threadIdx.x / 4.0,
         'a' + int(threadIdx.x));
}

TEST(RuntimeLaunches, printf_from_the_device) {
  const std::vector<char> name = {'l', 'a', 'n', 'e', '\0'};
  const DeviceBuffer<char> device_name(name);
  std::fflush(stdout);
  const int saved = dup(STDOUT_FILENO);
  std::FILE* file = std::tmpfile();
  dup2(fileno(file), STDOUT_FILENO);
  greet<<<1, 2>>>(device_name.get());
  const cudaError_t status = cudaDeviceSynchronize();
  std::fflush(stdout);
  dup2(saved, STDOUT_FILENO);
  close(saved);
  CUDA_OK(status);
  std::rewind(file);
  char text[200] = {};
  const size_t length = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  EXPECT_EQ(std::string(text, length), std::string("lane 0 of 2: 0.00 a%\nlane 1 of 2: 0.25 b%\n"));
}

}  // namespace
