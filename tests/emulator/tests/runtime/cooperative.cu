// SPDX-License-Identifier: MIT
// Cooperative launches: all blocks of the grid are there at once, or the launch is refused.
#include <cooperative_groups.h>

#include "../support/counting.cuh"
#include "../support/faults.hpp"

using namespace cuemu_tests;

namespace {

// A barrier of the whole grid that can be passed once; then each block reads what the next one wrote.
__global__ void __launch_bounds__(64) exchange(unsigned* arrived, int* from, int* to) {
  if (threadIdx.x == 0) {
    from[blockIdx.x] = 10 + blockIdx.x;
    __threadfence();
    atomicAdd(arrived, 1u);
    while (atomicAdd(arrived, 0u) < gridDim.x) __nanosleep(20);
    __threadfence();
    to[blockIdx.x] = from[(blockIdx.x + 1) % gridDim.x];
  }
}

struct Exchange {
  DeviceBuffer<unsigned> arrived;
  DeviceBuffer<int> from, to;
  unsigned* arrived_pointer;
  int *from_pointer, *to_pointer;
  void* arguments[3];

  explicit Exchange(size_t blocks)
      : arrived(std::vector<unsigned>(1)),
        from(blocks),
        to(blocks),
        arrived_pointer(arrived.get()),
        from_pointer(from.get()),
        to_pointer(to.get()),
        arguments{&arrived_pointer, &from_pointer, &to_pointer} {}

  void expect_exchanged() const {
    std::vector<int> expected;
    for (size_t i = 0; i < to.size(); ++i)
      expected.push_back(static_cast<int>(10 + (i + 1) % to.size()));
    EXPECT_VALUES(to.download(), expected);
  }
};

const void* const kernel = reinterpret_cast<const void*>(exchange);

TEST(RuntimeCooperative, devices_can_launch_so) {
  int can = 0;
  CUDA_OK(cudaDeviceGetAttribute(&can, cudaDevAttrCooperativeLaunch, 0));
  EXPECT_EQ(can, 1);
}

TEST(RuntimeCooperative, blocks_wait_for_each_other) {
  const Exchange data(37);
  CUDA_OK(cudaLaunchCooperativeKernel(kernel, dim3(37), dim3(64),
                                      const_cast<void**>(data.arguments), 0, nullptr));
  CUDA_OK(cudaDeviceSynchronize());
  data.expect_exchanged();
}

TEST(RuntimeCooperative, by_attribute_in_a_graph) {
  const Exchange data(5);
  cudaStream_t stream;
  CUDA_OK(cudaStreamCreate(&stream));
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeCooperative;
  attribute.val.cooperative = 1;
  cudaLaunchConfig_t configuration = {};
  configuration.gridDim = dim3(5);
  configuration.blockDim = dim3(32);
  configuration.stream = stream;
  configuration.attrs = &attribute;
  configuration.numAttrs = 1;
  CUDA_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  CUDA_OK(cudaLaunchKernelExC(&configuration, kernel, const_cast<void**>(data.arguments)));
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  CUDA_OK(cudaStreamEndCapture(stream, &graph));
  cudaGraphNode_t node;
  size_t count = 1;
  CUDA_OK(cudaGraphGetNodes(graph, &node, &count));
  cudaLaunchAttributeValue value = {};
  CUDA_OK(cudaGraphKernelNodeGetAttribute(node, cudaLaunchAttributeCooperative, &value));
  EXPECT_EQ(value.cooperative, 1);
  CUDA_OK(cudaGraphInstantiate(&executable, graph, 0));
  cuemu_reset_counters();
  CUDA_OK(cudaGraphLaunch(executable, stream));
  CUDA_OK(cudaStreamSynchronize(stream));
  data.expect_exchanged();
  if (cuemu_present()) {
    cuemu_launch launched = {};
    EXPECT_EQ(cuemu_read_launches(&launched, 1), size_t(1));
    EXPECT_EQ(launched.cooperative, 1);
    EXPECT_EQ(launched.cluster[0], 1u);
  }
  CUDA_OK(cudaGraphExecDestroy(executable));
  CUDA_OK(cudaGraphDestroy(graph));
  CUDA_OK(cudaStreamDestroy(stream));
}

TEST(RuntimeCooperative, a_grid_that_does_not_fit_is_refused) {
  constexpr size_t kShared = 40 * 1024;  // so that only a few blocks fit on a multiprocessor
  int multiprocessors = 0, blocks = 0;
  CUDA_OK(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0));
  CUDA_OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, exchange, 64, kShared));
  const unsigned most = static_cast<unsigned>(multiprocessors * blocks);
  const Exchange data(most);
  void** const arguments = const_cast<void**>(data.arguments);
  EXPECT_STATUS(
      cudaLaunchCooperativeKernel(kernel, dim3(most + 1), dim3(64), arguments, kShared, nullptr),
      cudaErrorCooperativeLaunchTooLarge);
  EXPECT_STATUS(cudaGetLastError(), cudaErrorCooperativeLaunchTooLarge);
  cuemu_clear_fault();
  CUDA_OK(cudaLaunchCooperativeKernel(kernel, dim3(most), dim3(64), arguments, kShared, nullptr));
  CUDA_OK(cudaDeviceSynchronize());
  data.expect_exchanged();
}

// The grid's barrier of cooperative_groups, more than once.
__global__ void rotate_thrice(int* a, int* b) {
  const auto grid = cooperative_groups::this_grid();
  for (int round = 0; round < 3; ++round) {
    if (threadIdx.x == 0) b[blockIdx.x] = a[(blockIdx.x + 1) % gridDim.x];
    grid.sync();
    if (threadIdx.x == 0) a[blockIdx.x] = b[blockIdx.x];
    grid.sync();
  }
}

TEST(RuntimeCooperative, the_grids_barrier) {
  const DeviceBuffer<int> a(std::vector<int>{0, 1, 2, 3, 4});
  const auto b = zeroed<int>(5);
  int *a_pointer = a.get(), *b_pointer = b.get();
  void* arguments[] = {&a_pointer, &b_pointer};
  for (int launches = 0; launches < 2; ++launches) {
    CUDA_OK(cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(rotate_thrice), dim3(5),
                                        dim3(64), arguments, 0, nullptr));
    CUDA_OK(cudaDeviceSynchronize());
  }
  EXPECT_VALUES(a.download(), {1, 2, 3, 4, 0});
}

// Without a cooperative launch there is no such barrier, and cooperative_groups stops the kernel.
TEST(RuntimeCooperative, no_barrier_in_other_launches) {
  NEEDS_EMULATOR();
  const auto a = zeroed<int>(5), b = zeroed<int>(5);
  rotate_thrice<<<5, 64>>>(a.get(), b.get());
  EXPECT_FAULT({"trap"}, "rotate_thrice", {});
}

TEST(RuntimeCooperative, clusters_need_compute_capability_9) {
  if (has_compute_capability_9()) SKIP_TEST("this device has clusters");
  const Exchange data(4);
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = 2;
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  cudaLaunchConfig_t configuration = {};
  configuration.gridDim = dim3(4);
  configuration.blockDim = dim3(32);
  configuration.attrs = &attribute;
  configuration.numAttrs = 1;
  EXPECT_STATUS(cudaLaunchKernelExC(&configuration, kernel, const_cast<void**>(data.arguments)),
                cudaErrorNotSupported);
  cudaGetLastError();
  int launches = 1;
  CUDA_OK(cudaDeviceGetAttribute(&launches, cudaDevAttrClusterLaunch, 0));
  EXPECT_EQ(launches, 0);
}

}  // namespace
