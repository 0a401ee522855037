// SPDX-License-Identifier: MIT
// Launches in clusters: by attribute, by the kernel's own declaration and by cudaFuncSetAttribute; what is refused; what
// occupancy, function attributes and graph nodes say of them.
#include "../support/counting.cuh"
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace cluster_launch_tests {

__device__ void note(uint32_t* out) {
  uint32_t blocks, rank;
  asm volatile("mov.u32 %0, %%cluster_nctarank;" : "=r"(blocks));
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  if (threadIdx.x == 0)
    out[blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z)] = 100 * blocks + rank;
}

__global__ void note_any(uint32_t* out) {
  note(out);
}
__global__ void settable(uint32_t* out) {
  note(out);
}
__global__ void __cluster_dims__(2, 3, 1) note_compiled(uint32_t* out) {
  note(out);
}
__global__ void __cluster_dims__() note_explicit(uint32_t* out) {
  note(out);
}
__global__ void __launch_bounds__(64, 1, 4) note_bounded(uint32_t* out) {
  note(out);
}
__global__ void __launch_bounds__(1024, 2) note_large(uint32_t* out) {
  note(out);
}

struct Configuration {
  cudaLaunchAttribute attributes[2] = {};
  cudaLaunchConfig_t launch = {};

  Configuration(dim3 grid, dim3 block, cudaStream_t stream = nullptr) {
    launch.gridDim = grid;
    launch.blockDim = block;
    launch.stream = stream;
    launch.attrs = attributes;
  }
  Configuration& cluster(unsigned x, unsigned y, unsigned z) {
    cudaLaunchAttribute& a = attributes[launch.numAttrs++];
    a.id = cudaLaunchAttributeClusterDimension;
    a.val.clusterDim.x = x, a.val.clusterDim.y = y, a.val.clusterDim.z = z;
    return *this;
  }
  Configuration& cooperative() {
    cudaLaunchAttribute& a = attributes[launch.numAttrs++];
    a.id = cudaLaunchAttributeCooperative;
    a.val.cooperative = 1;
    return *this;
  }
};

using Note = void (*)(uint32_t*);

cudaError_t launch(const Configuration& configuration, Note kernel, uint32_t* out) {
  const cudaError_t result = cudaLaunchKernelEx(&configuration.launch, kernel, out);
  EXPECT_STATUS(cudaGetLastError(), result);
  cuemu_clear_fault();
  return result;
}

const void* address_of(Note kernel) {
  return reinterpret_cast<const void*>(kernel);
}

TEST(HopperClusterLaunches, grids_that_are_multiples_of_the_cluster) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(6 * 4 * 3);
  CUDA_OK(launch(Configuration({6, 4, 3}, 32).cluster(3, 2, 1), note_any, out.get()));
  std::vector<uint32_t> expected;
  for (unsigned z = 0; z < 3; ++z)
    for (unsigned y = 0; y < 4; ++y)
      for (unsigned x = 0; x < 6; ++x) expected.push_back(600 + x % 3 + 3 * (y % 2));
  EXPECT_VALUES(out.download(), expected);
  const dim3 grid(6, 4, 3);
  for (const dim3 cluster : {dim3(4, 1, 1), dim3(1, 3, 1), dim3(1, 1, 2), dim3(0, 1, 1)})
    EXPECT_STATUS(launch(Configuration(grid, 32).cluster(cluster.x, cluster.y, cluster.z), note_any,
                         out.get()),
                  cudaErrorInvalidClusterSize);
}

TEST(HopperClusterLaunches, at_most_eight_blocks_or_sixteen_where_allowed) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(272);
  const Configuration eight = Configuration(272, 32).cluster(8, 1, 1),
                      sixteen = Configuration(272, 32).cluster(16, 1, 1),
                      seventeen = Configuration(272, 32).cluster(17, 1, 1);
  CUDA_OK(launch(eight, settable, out.get()));
  EXPECT_STATUS(launch(sixteen, settable, out.get()), cudaErrorInvalidClusterSize);
  const void* const kernel = address_of(settable);
  EXPECT_STATUS(cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 2),
                cudaErrorInvalidValue);
  cudaGetLastError();
  CUDA_OK(cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1));
  CUDA_OK(launch(sixteen, settable, out.get()));
  EXPECT_EQ(out.download()[271], 1615u);
  EXPECT_STATUS(launch(seventeen, settable, out.get()), cudaErrorInvalidClusterSize);
  CUDA_OK(cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 0));
  EXPECT_STATUS(launch(sixteen, settable, out.get()), cudaErrorInvalidClusterSize);
}

TEST(HopperClusterLaunches, a_kernel_compiled_with_a_cluster_has_it_in_every_launch) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(4 * 3);
  note_compiled<<<dim3(4, 3), 32>>>(out.get());
  CUDA_OK(cudaGetLastError());
  std::vector<uint32_t> expected;
  for (unsigned y = 0; y < 3; ++y)
    for (unsigned x = 0; x < 4; ++x) expected.push_back(600 + x % 2 + 2 * y);
  EXPECT_VALUES(out.download(), expected);
  note_compiled<<<dim3(3, 3), 32>>>(out.get());
  EXPECT_STATUS(cudaGetLastError(), cudaErrorInvalidClusterSize);
  CUDA_OK(launch(Configuration({4, 3}, 32).cluster(2, 3, 1), note_compiled, out.get()));
  EXPECT_STATUS(launch(Configuration({4, 3}, 32).cluster(1, 3, 1), note_compiled, out.get()),
                cudaErrorInvalidClusterSize);
  EXPECT_STATUS(
      cudaFuncSetAttribute(address_of(note_compiled), cudaFuncAttributeRequiredClusterWidth, 2),
      cudaErrorNotPermitted);
  cudaGetLastError();
  cuemu_clear_fault();
}

TEST(HopperClusterLaunches, a_kernel_that_wants_to_be_told_its_cluster) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(4);
  note_explicit<<<4, 32>>>(out.get());
  EXPECT_STATUS(cudaGetLastError(), cudaErrorInvalidClusterSize);
  cuemu_clear_fault();
  CUDA_OK(launch(Configuration(4, 32).cluster(1, 1, 1), note_explicit, out.get()));
  EXPECT_VALUES(out.download(), std::vector<uint32_t>(4, 100));
}

TEST(HopperClusterLaunches, launch_bounds_limit_the_cluster) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(8);
  CUDA_OK(launch(Configuration(8, 32).cluster(2, 1, 1), note_bounded, out.get()));
  CUDA_OK(launch(Configuration(8, 32).cluster(4, 1, 1), note_bounded, out.get()));
  EXPECT_STATUS(launch(Configuration(8, 32).cluster(8, 1, 1), note_bounded, out.get()),
                cudaErrorInvalidClusterSize);
}

TEST(HopperClusterLaunches, a_cluster_set_on_the_kernel) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(4);
  const void* const kernel = address_of(settable);
  EXPECT_STATUS(cudaFuncSetAttribute(kernel, cudaFuncAttributeRequiredClusterWidth, -1),
                cudaErrorInvalidValue);
  cudaGetLastError();
  CUDA_OK(cudaFuncSetAttribute(kernel, cudaFuncAttributeRequiredClusterWidth, 2));
  settable<<<4, 32>>>(out.get());  // 2, 0, 0
  EXPECT_STATUS(cudaGetLastError(), cudaErrorInvalidClusterSize);
  cuemu_clear_fault();
  CUDA_OK(cudaFuncSetAttribute(kernel, cudaFuncAttributeRequiredClusterHeight, 1));
  CUDA_OK(cudaFuncSetAttribute(kernel, cudaFuncAttributeRequiredClusterDepth, 1));
  settable<<<4, 32>>>(out.get());
  CUDA_OK(cudaGetLastError());
  EXPECT_VALUES(out.download(), {200, 201, 200, 201});
  cudaFuncAttributes told = {};
  CUDA_OK(cudaFuncGetAttributes(&told, kernel));
  EXPECT_EQ(told.requiredClusterWidth, 2);
  EXPECT_EQ(told.requiredClusterHeight, 1);
  EXPECT_EQ(told.requiredClusterDepth, 1);
  EXPECT_EQ(told.clusterDimMustBeSet, 0);
  for (const auto extent :
       {cudaFuncAttributeRequiredClusterWidth, cudaFuncAttributeRequiredClusterHeight,
        cudaFuncAttributeRequiredClusterDepth})
    CUDA_OK(cudaFuncSetAttribute(kernel, extent, 0));
  settable<<<3, 32>>>(out.get());
  CUDA_OK(cudaGetLastError());
  EXPECT_EQ(out.download()[2], 100u);
}

TEST(HopperClusterLaunches, attributes_of_functions) {
  NEEDS_HOPPER();
  cudaFuncAttributes told = {};
  CUDA_OK(cudaFuncGetAttributes(&told, address_of(note_compiled)));
  EXPECT_EQ(told.requiredClusterWidth, 2);
  EXPECT_EQ(told.requiredClusterHeight, 3);
  EXPECT_EQ(told.requiredClusterDepth, 1);
  EXPECT_EQ(told.clusterDimMustBeSet, 1);
  EXPECT_EQ(told.nonPortableClusterSizeAllowed, 0);
  CUDA_OK(cudaFuncGetAttributes(&told, address_of(note_explicit)));
  EXPECT_EQ(told.requiredClusterWidth, 0);
  EXPECT_EQ(told.clusterDimMustBeSet, 1);
  const void* const kernel = address_of(note_bounded);
  const auto preference = cudaFuncAttributeClusterSchedulingPolicyPreference;
  EXPECT_STATUS(cudaFuncSetAttribute(kernel, preference, 3), cudaErrorInvalidValue);
  cudaGetLastError();
  CUDA_OK(cudaFuncSetAttribute(kernel, preference, cudaClusterSchedulingPolicySpread));
  CUDA_OK(cudaFuncGetAttributes(&told, kernel));
  EXPECT_EQ(told.clusterSchedulingPolicyPreference, int(cudaClusterSchedulingPolicySpread));
  EXPECT_EQ(told.clusterDimMustBeSet, 0);
  CUDA_OK(cudaFuncSetAttribute(kernel, preference, cudaClusterSchedulingPolicyDefault));
}

TEST(HopperClusterLaunches, occupancy) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  int multiprocessors = 0, launches = 0;
  CUDA_OK(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0));
  CUDA_OK(cudaDeviceGetAttribute(&launches, cudaDevAttrClusterLaunch, 0));
  EXPECT_EQ(launches, 1);
  // A multiprocessor holds two blocks of 1024 threads.
  for (const int size : {1, 2, 3, 8}) {
    const Configuration asked = Configuration(24, 1024).cluster(size, 1, 1);
    int clusters = 0;
    CUDA_OK(cudaOccupancyMaxActiveClusters(&clusters, note_large, &asked.launch));
    EXPECT_EQ(clusters, multiprocessors / size * 2, std::to_string(size));
  }
  int clusters = 0, size = 0;
  const Configuration none(24, 1024), large = Configuration(48, 1024).cluster(16, 1, 1);
  EXPECT_STATUS(cudaOccupancyMaxActiveClusters(&clusters, note_large, &none.launch),
                cudaErrorInvalidClusterSize);
  EXPECT_STATUS(cudaOccupancyMaxActiveClusters(&clusters, note_large, &large.launch),
                cudaErrorInvalidClusterSize);
  cudaGetLastError();
  const Configuration small({4, 3}, 32);
  CUDA_OK(cudaOccupancyMaxActiveClusters(&clusters, note_compiled, &small.launch));
  EXPECT_EQ(clusters, multiprocessors / 6 * 32);
  CUDA_OK(cudaOccupancyMaxPotentialClusterSize(&size, note_compiled, &small.launch));
  EXPECT_EQ(size, 6);
  CUDA_OK(cudaOccupancyMaxPotentialClusterSize(&size, note_bounded, &small.launch));
  EXPECT_EQ(size, 4);
  CUDA_OK(cudaOccupancyMaxPotentialClusterSize(&size, note_any, &small.launch));
  EXPECT_EQ(size, 8);
  const auto allowed = cudaFuncAttributeNonPortableClusterSizeAllowed;
  CUDA_OK(cudaFuncSetAttribute(address_of(note_any), allowed, 1));
  CUDA_OK(cudaOccupancyMaxPotentialClusterSize(&size, note_any, &small.launch));
  EXPECT_EQ(size, 16);
  CUDA_OK(cudaFuncSetAttribute(address_of(note_any), allowed, 0));
  cuemu_clear_fault();
}

std::vector<cuemu_launch> launches_of_log() {
  std::vector<cuemu_launch> all(cuemu_read_launches(nullptr, 0));
  cuemu_read_launches(all.data(), all.size());
  return all;
}

TEST(HopperClusterLaunches, captured_and_changed_in_a_graph) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(8);
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  CUDA_OK(cudaStreamCreate(&stream));
  CUDA_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  CUDA_OK(launch(Configuration(8, 32, stream).cluster(4, 1, 1), note_any, out.get()));
  CUDA_OK(cudaStreamEndCapture(stream, &graph));
  cudaGraphNode_t node;
  size_t count = 1;
  CUDA_OK(cudaGraphGetNodes(graph, &node, &count));
  cudaLaunchAttributeValue value = {};
  CUDA_OK(cudaGraphKernelNodeGetAttribute(node, cudaLaunchAttributeClusterDimension, &value));
  EXPECT_EQ(value.clusterDim.x, 4u);
  EXPECT_EQ(value.clusterDim.y, 1u);
  CUDA_OK(cudaGraphInstantiate(&executable, graph, 0));
  cuemu_reset_counters();
  CUDA_OK(cudaGraphLaunch(executable, stream));
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_VALUES(out.download(), {400, 401, 402, 403, 400, 401, 402, 403});
  if (cuemu_present()) {
    const std::vector<cuemu_launch> all = launches_of_log();
    ASSERT_EQ(all.size(), size_t(1));
    EXPECT_EQ(all[0].cluster[0], 4u);
    EXPECT_EQ(all[0].cluster[2], 1u);
    EXPECT_EQ(all[0].cooperative, 0);
  }
  CUDA_OK(cudaGraphExecDestroy(executable));
  // A node's attribute, and what is refused of it.
  value.clusterDim.x = 2;
  CUDA_OK(cudaGraphKernelNodeSetAttribute(node, cudaLaunchAttributeClusterDimension, &value));
  value.clusterDim.x = 3;
  EXPECT_STATUS(cudaGraphKernelNodeSetAttribute(node, cudaLaunchAttributeClusterDimension, &value),
                cudaErrorInvalidClusterSize);
  cudaGetLastError();
  cuemu_clear_fault();
  CUDA_OK(cudaGraphInstantiate(&executable, graph, 0));
  CUDA_OK(cudaGraphLaunch(executable, stream));
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_VALUES(out.download(), {200, 201, 200, 201, 200, 201, 200, 201});
  CUDA_OK(cudaGraphExecDestroy(executable));
  CUDA_OK(cudaGraphDestroy(graph));
  CUDA_OK(cudaStreamDestroy(stream));
}

TEST(HopperClusterLaunches, a_node_takes_the_attributes_of_another) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(4);
  uint32_t* pointer = out.get();
  void* arguments[] = {&pointer};
  cudaKernelNodeParams parameters = {};
  parameters.func = reinterpret_cast<void*>(note_any);
  parameters.gridDim = dim3(4);
  parameters.blockDim = dim3(32);
  parameters.kernelParams = arguments;
  cudaGraph_t graph;
  cudaGraphNode_t first, second;
  CUDA_OK(cudaGraphCreate(&graph, 0));
  CUDA_OK(cudaGraphAddKernelNode(&first, graph, nullptr, 0, &parameters));
  CUDA_OK(cudaGraphAddKernelNode(&second, graph, &first, 1, &parameters));
  cudaLaunchAttributeValue value = {};
  value.clusterDim.x = 4, value.clusterDim.y = value.clusterDim.z = 1;
  CUDA_OK(cudaGraphKernelNodeSetAttribute(first, cudaLaunchAttributeClusterDimension, &value));
  CUDA_OK(cudaGraphKernelNodeCopyAttributes(second, first));
  value = {};
  CUDA_OK(cudaGraphKernelNodeGetAttribute(second, cudaLaunchAttributeClusterDimension, &value));
  EXPECT_EQ(value.clusterDim.x, 4u);
  EXPECT_STATUS(cudaGraphKernelNodeSetAttribute(
                    second, cudaLaunchAttributeProgrammaticStreamSerialization, &value),
                cudaErrorInvalidValue);
  cudaGetLastError();
  CUDA_OK(cudaGraphDestroy(graph));
}

// All blocks of the grid, in clusters, are there at once: each waits for all others.
__global__ void meet(uint32_t* arrived) {
  if (threadIdx.x == 0) {
    atomicAdd(arrived, 1u);
    while (atomicAdd(arrived, 0u) < gridDim.x) __nanosleep(20);
  }
}

TEST(HopperClusterLaunches, a_cooperative_grid_of_clusters) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const auto arrived = zeroed<uint32_t>(1);
  CUDA_OK(launch(Configuration(12, 32).cluster(4, 1, 1).cooperative(), meet, arrived.get()));
  CUDA_OK(cudaDeviceSynchronize());
  EXPECT_EQ(arrived.download()[0], 12u);
  int multiprocessors = 0;
  CUDA_OK(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0));
  const unsigned most = multiprocessors / 8 * 8 * 2;
  EXPECT_STATUS(launch(Configuration(most + 8, 1024).cluster(8, 1, 1).cooperative(), note_large,
                       arrived.get()),
                cudaErrorCooperativeLaunchTooLarge);
}

}  // namespace cluster_launch_tests
