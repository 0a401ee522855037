// SPDX-License-Identifier: MIT
// Failures planted in API calls, the count of calls, and what is alive.
#include "../support/counting.cuh"
#include "../support/faults.hpp"

using namespace cuemu_tests;

namespace {

__global__ void set_to(int* out, int value) {
  *out = value;
}

cuemu_live live() {
  cuemu_live now{};
  cuemu_read_live(&now);
  return now;
}

TEST(RuntimeFailingCalls, the_nth_call_of_a_name_fails_once) {
  NEEDS_EMULATOR();
  const uint64_t before = cuemu_calls("cudaMalloc");
  EXPECT_EQ(cuemu_fail_call("cudaMalloc", 2, cudaErrorMemoryAllocation), 1);
  void *first = nullptr, *second = nullptr, *third = nullptr;
  CUDA_OK(cudaMalloc(&first, 16));
  CUDA_OK(cudaMemset(first, 0, 16));  // other names do not count
  EXPECT_STATUS(cudaMalloc(&second, 16), cudaErrorMemoryAllocation);
  EXPECT_TRUE(second == nullptr);
  EXPECT_STATUS(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_STATUS(cudaGetLastError(), cudaSuccess);
  CUDA_OK(cudaMalloc(&third, 16));
  EXPECT_EQ(cuemu_cancel_failure(), 0);
  EXPECT_EQ(cuemu_calls("cudaMalloc") - before, 3u);
  CUDA_OK(cudaFree(first));
  CUDA_OK(cudaFree(third));
}

TEST(RuntimeFailingCalls, a_failed_launch_does_not_run) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(1);
  set_to<<<1, 1>>>(out.get(), 1);
  cuemu_fail_call("cudaLaunchKernel", 1, cudaErrorLaunchOutOfResources);
  set_to<<<1, 1>>>(out.get(), 2);
  EXPECT_STATUS(cudaGetLastError(), cudaErrorLaunchOutOfResources);
  EXPECT_EQ(out.download()[0], 1);
  set_to<<<1, 1>>>(out.get(), 3);
  CUDA_OK(cudaGetLastError());
  EXPECT_EQ(out.download()[0], 3);
}

TEST(RuntimeFailingCalls, any_call_counts_but_those_that_give_back) {
  NEEDS_EMULATOR();
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  void* memory = nullptr;
  const auto work = [&] {
    cudaError_t status = cudaMalloc(&memory, 64);
    if (status == cudaSuccess) status = cudaStreamCreate(&stream);
    if (status == cudaSuccess) status = cudaEventCreate(&event);
    if (status == cudaSuccess) status = cudaMemsetAsync(memory, 1, 64, stream);
    if (status == cudaSuccess) status = cudaEventRecord(event, stream);
    if (status == cudaSuccess) status = cudaStreamSynchronize(stream);
    if (event != nullptr) CUDA_OK(cudaEventDestroy(event));
    if (stream != nullptr) CUDA_OK(cudaStreamDestroy(stream));
    cudaPointerAttributes attributes = {};
    CUDA_OK(cudaPointerGetAttributes(&attributes, memory));  // a destructor's question
    if (memory != nullptr) CUDA_OK(cudaFree(memory));
    memory = nullptr, stream = nullptr, event = nullptr;
    return status;
  };
  const uint64_t calls = cuemu_calls(nullptr);
  const cuemu_live before = live();
  CUDA_OK(work());
  EXPECT_EQ(cuemu_calls(nullptr) - calls, 6u);
  for (uint64_t n = 1; n <= 6; ++n) {
    cuemu_fail_call(nullptr, n, cudaErrorNotSupported);
    EXPECT_STATUS(work(), cudaErrorNotSupported);
    EXPECT_EQ(cuemu_cancel_failure(), 0);
    EXPECT_STATUS(cudaGetLastError(), cudaErrorNotSupported);
  }
  cuemu_fail_call("", 7, cudaErrorNotSupported);
  CUDA_OK(work());
  EXPECT_EQ(cuemu_cancel_failure(), 1);
  EXPECT_EQ(live().allocations, before.allocations);
  EXPECT_EQ(live().streams, before.streams);
  EXPECT_EQ(live().events, before.events);
}

TEST(RuntimeFailingCalls, giving_back_fails_by_name) {
  NEEDS_EMULATOR();
  const cuemu_live before = live();
  void* memory = nullptr;
  CUDA_OK(cudaMalloc(&memory, 100));
  EXPECT_EQ(live().allocations - before.allocations, 1u);
  EXPECT_EQ(live().bytes - before.bytes, 100u);
  cuemu_fail_call("cudaFree", 1, cudaErrorInvalidValue);
  EXPECT_STATUS(cudaFree(memory), cudaErrorInvalidValue);
  EXPECT_EQ(live().allocations - before.allocations, 1u);
  cudaGetLastError();
  CUDA_OK(cudaFree(memory));
  EXPECT_EQ(live().bytes, before.bytes);
}

TEST(RuntimeFailingCalls, errors_that_a_context_does_not_survive_stay) {
  NEEDS_EMULATOR();
  cuemu_fail_call("cudaStreamSynchronize", 1, cudaErrorIllegalAddress);
  EXPECT_STATUS(cudaStreamSynchronize(nullptr), cudaErrorIllegalAddress);
  EXPECT_STATUS(cudaGetLastError(), cudaErrorIllegalAddress);
  EXPECT_STATUS(cudaGetLastError(), cudaErrorIllegalAddress);
  void* memory = nullptr;
  EXPECT_STATUS(cudaMalloc(&memory, 4), cudaErrorIllegalAddress);
  EXPECT_FAULT({"planted-failure"}, "cudaStreamSynchronize", {});
}

TEST(RuntimeFailingCalls, live_graphs) {
  NEEDS_EMULATOR();
  const cuemu_live before = live();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  CUDA_OK(cudaGraphCreate(&graph, 0));
  CUDA_OK(cudaGraphInstantiate(&executable, graph, 0));
  EXPECT_EQ(live().graphs - before.graphs, 1u);
  EXPECT_EQ(live().graph_executables - before.graph_executables, 1u);
  CUDA_OK(cudaGraphExecDestroy(executable));
  CUDA_OK(cudaGraphDestroy(graph));
  EXPECT_EQ(live().graphs, before.graphs);
  EXPECT_EQ(live().graph_executables, before.graph_executables);
}

}  // namespace
