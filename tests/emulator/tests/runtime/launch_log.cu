// SPDX-License-Identifier: MIT
// The list of launches that ran, the hook before a launch reads its arguments, and launches that run
// only some of their CTAs.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "../support/counting.cuh"
#include "../support/faults.hpp"

using namespace cuemu_tests;

namespace {

extern __shared__ int log_shared[];

template <int kFactor>
__global__ void fill_multiples(int* out) {
  __shared__ int tile[8];
  log_shared[0] = kFactor;
  tile[threadIdx.x] = out[threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x ^ 1] * log_shared[0];
}
__global__ void note_cta(int* ran) {
  ran[blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z)] = 1;
}

std::vector<cuemu_launch> launches() {
  std::vector<cuemu_launch> all(cuemu_read_launches(nullptr, 0));
  EXPECT_EQ(cuemu_read_launches(all.data(), all.size()), all.size());
  return all;
}

TEST(RuntimeLaunchLog, tells_kernel_and_configuration_in_order) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(24);
  cuemu_reset_counters();
  EXPECT_EQ(launches().size(), size_t(0));
  fill_multiples<3><<<dim3(2, 1, 3), dim3(4, 2), 64>>>(out.get());
  note_cta<<<dim3(2, 3, 4), 1>>>(out.get());
  note_cta<<<0, 1>>>(out.get());  // refused
  EXPECT_STATUS(cudaGetLastError(), cudaErrorInvalidConfiguration);
  cuemu_clear_fault();
  CUDA_OK(cudaDeviceSynchronize());
  const std::vector<cuemu_launch> all = launches();
  ASSERT_EQ(all.size(), size_t(2));
  EXPECT_TRUE(std::string(all[0].kernel).find("fill_multiples<3>") != std::string::npos,
              all[0].kernel);
  EXPECT_TRUE(std::string(all[0].mangled).find("14fill_multiplesILi3E") != std::string::npos,
              all[0].mangled);
  EXPECT_TRUE(all[0].function == reinterpret_cast<const void*>(fill_multiples<3>));
  EXPECT_EQ(all[0].grid[0], 2u);
  EXPECT_EQ(all[0].grid[1], 1u);
  EXPECT_EQ(all[0].grid[2], 3u);
  EXPECT_EQ(all[0].block[0], 4u);
  EXPECT_EQ(all[0].block[1], 2u);
  EXPECT_EQ(all[0].block[2], 1u);
  EXPECT_EQ(all[0].dynamic_shared_bytes, 64u);
  EXPECT_EQ(all[0].static_shared_bytes, 32u);
  EXPECT_EQ(all[0].device, 0);
  EXPECT_TRUE(std::string(all[1].kernel).find("note_cta") != std::string::npos, all[1].kernel);
  EXPECT_EQ(all[1].dynamic_shared_bytes, 0u);
}

TEST(RuntimeLaunchLog, a_graph_is_told_when_it_is_replayed) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(4);
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  cuemu_reset_counters();
  CUDA_OK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  CUDA_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  note_cta<<<4, 1, 0, stream>>>(out.get());
  CUDA_OK(cudaStreamEndCapture(stream, &graph));
  CUDA_OK(cudaGraphInstantiate(&executable, graph, 0));
  EXPECT_EQ(launches().size(), size_t(0));
  CUDA_OK(cudaGraphLaunch(executable, stream));
  CUDA_OK(cudaGraphLaunch(executable, stream));
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_EQ(launches().size(), size_t(2));
  CUDA_OK(cudaGraphExecDestroy(executable));
  CUDA_OK(cudaGraphDestroy(graph));
  CUDA_OK(cudaStreamDestroy(stream));
}

// Two threads that meet at the hook: neither has read its arguments before both have come.
struct Meeting {
  std::mutex mutex;
  std::condition_variable arrived;
  std::atomic<int> count{0};

  static void wait(void* self) {
    auto& meeting = *static_cast<Meeting*>(self);
    std::unique_lock lock(meeting.mutex);
    ++meeting.count;
    meeting.arrived.notify_all();
    meeting.arrived.wait(lock, [&] { return meeting.count >= 2; });
  }
};

__global__ void store_value(int* out, int value) {
  *out = value;
}

// Launches store_value(out + i, 7 + i) from thread i, with the argument array `arguments[i]`. The
// second thread writes its arguments while the first one's launch has begun.
std::vector<int> launch_from_two_threads(void** (&arguments)[2]) {
  const auto out = zeroed<int>(2);
  CUDA_OK(cudaDeviceSynchronize());
  int* places[2] = {out.get(), out.get() + 1};
  int values[2] = {7, 8};
  Meeting meeting;
  std::atomic<bool> first_ended{false};
  cuemu_at_launch(&Meeting::wait, &meeting);
  const auto launch = [&](int i) {
    arguments[i][0] = &places[i];
    arguments[i][1] = &values[i];
    CUDA_OK(cudaLaunchKernel(store_value, dim3(1), dim3(1), arguments[i], 0, nullptr));
  };
  std::thread first([&] {
    launch(0);
    first_ended = true;
  });
  while (meeting.count == 0 && !first_ended) std::this_thread::yield();
  if (first_ended) meeting.count = 1;
  std::thread second([&] { launch(1); });
  first.join();
  second.join();
  cuemu_at_launch(nullptr, nullptr);
  return out.download();
}

TEST(RuntimeLaunchHook, shows_arguments_that_threads_share) {
  NEEDS_EMULATOR();
  void* own[2][2];
  void** separate[2] = {own[0], own[1]};
  EXPECT_VALUES(launch_from_two_threads(separate), {7, 8});
  void** shared[2] = {own[0], own[0]};
  EXPECT_VALUES(launch_from_two_threads(shared), {0, 8});
}

class CtaRange {
 public:
  CtaRange(int64_t first, uint64_t count) { cuemu_run_ctas(first, count); }
  ~CtaRange() { cuemu_run_ctas(0, 0); }
};

std::vector<int> ctas_that_run(dim3 grid, int64_t first, uint64_t count) {
  const auto ran = zeroed<int>(grid.x * grid.y * grid.z);
  const CtaRange range(first, count);
  LAUNCH(note_cta, grid, 1, ran.get());
  return ran.download();
}

TEST(RuntimeCtaRange, some_ctas_of_a_grid) {
  NEEDS_EMULATOR();
  EXPECT_VALUES(ctas_that_run(dim3(3, 2), 2, 3), {0, 0, 1, 1, 1, 0});
  EXPECT_VALUES(ctas_that_run(dim3(3, 2), 5, 3), {0, 0, 0, 0, 0, 1});
  EXPECT_VALUES(ctas_that_run(dim3(3, 2), 6, 1), {0, 0, 0, 0, 0, 0});
  EXPECT_VALUES(ctas_that_run(dim3(3, 2), -2, 1), {0, 0, 0, 0, 1, 0});
  EXPECT_VALUES(ctas_that_run(dim3(3, 2), -2, 9), {0, 0, 0, 0, 1, 1});
  EXPECT_VALUES(ctas_that_run(dim3(3, 2), -8, 4), {1, 1, 0, 0, 0, 0});
  EXPECT_VALUES(ctas_that_run(dim3(3, 2), -8, 2), {0, 0, 0, 0, 0, 0});
  EXPECT_VALUES(ctas_that_run(dim3(3, 2), 1, 0), {1, 1, 1, 1, 1, 1});
}

TEST(RuntimeCtaRange, counters_see_what_ran) {
  NEEDS_EMULATOR();
  const auto ran = zeroed<int>(100);
  const CtaRange range(-3, 2);
  EXPECT_EQ(count([&] { note_cta<<<100, 1>>>(ran.get()); }).ctas, uint64_t(2));
}

}  // namespace
