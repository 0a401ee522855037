// SPDX-License-Identifier: MIT
// Launches that may begin while the one before them runs: what they may touch before griddepcontrol.wait.
#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace dependent_launch_tests {

using namespace hopper;

constexpr int kThreads = 64;

__device__ void wait_for_grid() {
  asm volatile("griddepcontrol.wait;" ::: "memory");
}
__device__ void launch_dependents() {
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
}

__global__ void produce(int* x, const int* source) {
  launch_dependents();
  x[threadIdx.x] = source[threadIdx.x] + static_cast<int>(threadIdx.x);
}

enum class How : int {
  all_wait,
  one_waits_then_block_barrier,
  one_waits_then_mbarrier,
  one_lane_waits_then_warp_barrier,
  nobody_waits,
  waits_too_late,
  one_waits_and_others_do_not,
  barrier_before_the_wait,
  reads_by_copy,
  adds,
  overwrites_what_is_read,
  overwrites_what_is_written,
};

// `constant` is nothing that the kernel before writes.
__global__ void consume(How how, int* x, int* source, const int* constant, int* out) {
  __shared__ alignas(8) uint64_t barrier;
  __shared__ alignas(16) int copied[4];
  const int i = threadIdx.x;
  const int c = constant[i];
  int v = 0;
  if (how == How::all_wait) {
    wait_for_grid();
  } else if (how == How::one_waits_then_block_barrier) {
    if (i == 40) wait_for_grid();
    __syncthreads();
  } else if (how == How::one_waits_then_mbarrier) {
    if (i == 0) init(address_of(&barrier), 1);
    __syncthreads();
    if (i == 0) {
      wait_for_grid();
      arrive(address_of(&barrier));
    }
    wait(address_of(&barrier), 0);
  } else if (how == How::one_lane_waits_then_warp_barrier) {
    if (i % 32 == 3) wait_for_grid();
    __syncwarp();
  } else if (how == How::waits_too_late) {
    v = 7 * x[i];
    wait_for_grid();
  } else if (how == How::one_waits_and_others_do_not) {
    if (i < 32) wait_for_grid();
  } else if (how == How::barrier_before_the_wait) {
    __syncthreads();
    if (i < 32) wait_for_grid();
  } else if (how == How::reads_by_copy) {
    if (i == 0)
      asm volatile(
          "cp.async.cg.shared.global [%0], [%1], 16;\ncp.async.wait_all;" ::"r"(address_of(copied)),
          "l"(x)
          : "memory");
  } else if (how == How::adds) {
    asm volatile("red.global.add.s32 [%0], 1;" ::"l"(x + i) : "memory");
  } else if (how == How::overwrites_what_is_read) {
    source[i] = 5;
  } else if (how == How::overwrites_what_is_written) {
    x[i] = 5;
  }
  v += x[i];
  out[i] = v + c;
}
// Of the lines above that touch x or source too early.
constexpr int kLastRead = __LINE__ - 4, kOverwritten = kLastRead - 2,
              kOverwrittenSource = kLastRead - 4, kAdded = kLastRead - 6, kCopied = kLastRead - 9,
              kTooLate = kLastRead - 20;

struct Data {
  DeviceBuffer<int> x = zeroed<int>(kThreads), source = zeroed<int>(kThreads),
                    constant{std::vector<int>(kThreads, 1000)}, out = zeroed<int>(kThreads);
  cudaStream_t stream = nullptr;

  Data() { CUDA_OK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking)); }
  ~Data() { cudaStreamDestroy(stream); }
  Data(const Data&) = delete;
  Data& operator=(const Data&) = delete;

  void produce_in(cudaStream_t where) {
    produce<<<1, kThreads, 0, where>>>(x.get(), source.get());
    CUDA_OK(cudaGetLastError());
  }
  cudaError_t consume_in(cudaStream_t where, How how, bool overlaps = true) {
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = overlaps ? 1 : 0;
    cudaLaunchConfig_t configuration = {};
    configuration.gridDim = dim3(1);
    configuration.blockDim = dim3(kThreads);
    configuration.stream = where;
    configuration.attrs = &attribute;
    configuration.numAttrs = 1;
    return cudaLaunchKernelEx(&configuration, consume, how, x.get(), source.get(),
                              static_cast<const int*>(constant.get()), out.get());
  }
  void expect_consumed() {
    std::vector<int> expected;
    for (int i = 0; i < kThreads; ++i) expected.push_back(i + 1000);
    CUDA_OK(cudaStreamSynchronize(stream));
    EXPECT_VALUES(out.download(), expected);
    out.fill_bytes(0);
    CUDA_OK(cudaDeviceSynchronize());
  }
};

TEST(HopperDependentLaunches, reads_behind_the_wait) {
  NEEDS_HOPPER();
  Data data;
  for (const How how : {How::all_wait, How::one_waits_then_block_barrier,
                        How::one_waits_then_mbarrier, How::one_lane_waits_then_warp_barrier}) {
    data.produce_in(data.stream);
    CUDA_OK(data.consume_in(data.stream, how));
    data.expect_consumed();
  }
}

TEST(HopperDependentLaunches, early_accesses) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  struct Planted {
    How how;
    int line;
  };
  for (const Planted& planted :
       {Planted{How::nobody_waits, kLastRead}, Planted{How::waits_too_late, kTooLate},
        Planted{How::one_waits_and_others_do_not, kLastRead},
        Planted{How::barrier_before_the_wait, kLastRead}, Planted{How::reads_by_copy, kCopied},
        Planted{How::adds, kAdded}, Planted{How::overwrites_what_is_read, kOverwrittenSource},
        Planted{How::overwrites_what_is_written, kOverwritten}}) {
    Data data;
    data.produce_in(data.stream);
    data.consume_in(data.stream, planted.how);
    EXPECT_FAULT({"pdl-early-read"}, "consume", {planted.line});
  }
}

// The kernel before has ended when this one begins.
TEST(HopperDependentLaunches, where_nothing_overlaps) {
  NEEDS_HOPPER();
  Data data;
  data.produce_in(data.stream);
  CUDA_OK(data.consume_in(data.stream, How::nobody_waits, false));
  data.expect_consumed();

  data.produce_in(data.stream);
  CUDA_OK(cudaStreamSynchronize(data.stream));
  CUDA_OK(data.consume_in(data.stream, How::nobody_waits));
  data.expect_consumed();

  data.produce_in(data.stream);
  CUDA_OK(cudaDeviceSynchronize());
  CUDA_OK(data.consume_in(data.stream, How::nobody_waits));
  data.expect_consumed();

  cudaEvent_t event;
  CUDA_OK(cudaEventCreate(&event));
  data.produce_in(data.stream);
  CUDA_OK(cudaEventRecord(event, data.stream));
  CUDA_OK(cudaEventSynchronize(event));
  CUDA_OK(data.consume_in(data.stream, How::nobody_waits));
  data.expect_consumed();
  CUDA_OK(cudaEventDestroy(event));

  data.produce_in(data.stream);
  CUDA_OK(cudaMemsetAsync(data.out.get(), 0, data.out.bytes(), data.stream));
  CUDA_OK(data.consume_in(data.stream, How::nobody_waits));
  data.expect_consumed();

  data.produce_in(nullptr);
  CUDA_OK(cudaStreamSynchronize(nullptr));
  CUDA_OK(data.consume_in(data.stream, How::nobody_waits));
  data.expect_consumed();
}

TEST(HopperDependentLaunches, the_default_stream_overlaps_too) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  Data data;
  data.produce_in(nullptr);
  data.consume_in(nullptr, How::nobody_waits);
  EXPECT_FAULT({"pdl-early-read"}, "consume", {kLastRead});
}

// A blocking stream waits for the default stream between its two kernels, and that for the first of them.
TEST(HopperDependentLaunches, a_kernel_in_the_default_stream_between) {
  NEEDS_HOPPER();
  Data data;
  cudaStream_t blocking;
  CUDA_OK(cudaStreamCreate(&blocking));
  const auto elsewhere = zeroed<int>(kThreads);
  data.produce_in(blocking);
  produce<<<1, kThreads>>>(elsewhere.get(), data.constant.get());
  CUDA_OK(data.consume_in(blocking, How::nobody_waits));
  CUDA_OK(cudaStreamSynchronize(blocking));
  data.expect_consumed();
  CUDA_OK(cudaStreamDestroy(blocking));
}

TEST(HopperDependentLaunches, only_the_kernel_just_before_counts) {
  NEEDS_HOPPER();
  Data data;
  const auto elsewhere = zeroed<int>(kThreads);
  data.produce_in(data.stream);
  produce<<<1, kThreads, 0, data.stream>>>(elsewhere.get(), data.constant.get());
  CUDA_OK(data.consume_in(data.stream, How::nobody_waits));
  data.expect_consumed();
}

// Bytes of a sector of 32 are told apart from those of the next.
__global__ void write_one(int* x) {
  x[7] = 1;
}
__global__ void read_one(const int* x, int at, int* out) {
  *out = x[at];
}

TEST(HopperDependentLaunches, sectors_are_told_apart) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  Data data;
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t configuration = {};
  configuration.gridDim = configuration.blockDim = dim3(1);
  configuration.stream = data.stream;
  configuration.attrs = &attribute;
  configuration.numAttrs = 1;
  const int* const x = data.x.get();
  write_one<<<1, 1, 0, data.stream>>>(data.x.get());
  CUDA_OK(cudaLaunchKernelEx(&configuration, read_one, x, 8, data.out.get()));
  CUDA_OK(cudaStreamSynchronize(data.stream));
  write_one<<<1, 1, 0, data.stream>>>(data.x.get());
  cudaLaunchKernelEx(&configuration, read_one, x, 7, data.out.get());
  EXPECT_FAULT({"pdl-early-read"}, "read_one", {});
}

// By the copy engine, for a thread that waits or does not.
__global__ void fetch(bool waits, const int* x, int* out) {
  __shared__ alignas(8) uint64_t barrier;
  __shared__ alignas(16) int tile[kThreads];
  if (threadIdx.x == 0) {
    init(address_of(&barrier), 1);
    fence_init();
    if (waits) wait_for_grid();
    arrive_expect(address_of(&barrier), sizeof tile);
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
            "r"(address_of(tile)),
        "l"(x), "n"(sizeof tile), "r"(address_of(&barrier))
        : "memory");
  }
  __syncthreads();
  wait(address_of(&barrier), 0);
  out[threadIdx.x] = tile[threadIdx.x] + 1000;
}

TEST(HopperDependentLaunches, bulk_copies) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  Data data;
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t configuration = {};
  configuration.gridDim = dim3(1);
  configuration.blockDim = dim3(kThreads);
  configuration.stream = data.stream;
  configuration.attrs = &attribute;
  configuration.numAttrs = 1;
  const int* const x = data.x.get();
  data.produce_in(data.stream);
  CUDA_OK(cudaLaunchKernelEx(&configuration, fetch, true, x, data.out.get()));
  data.expect_consumed();
  data.produce_in(data.stream);
  cudaLaunchKernelEx(&configuration, fetch, false, x, data.out.get());
  EXPECT_FAULT({"pdl-early-read"}, "fetch", {});
}

std::vector<int> overlaps_of_log() {
  std::vector<cuemu_launch> all(cuemu_read_launches(nullptr, 0));
  cuemu_read_launches(all.data(), all.size());
  std::vector<int> overlaps;
  for (const cuemu_launch& l : all) overlaps.push_back(l.overlaps_previous);
  return overlaps;
}

TEST(HopperDependentLaunches, the_log_tells_which_overlap) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  Data data;
  cuemu_reset_counters();
  CUDA_OK(data.consume_in(data.stream, How::all_wait));  // nothing before it
  data.produce_in(data.stream);
  CUDA_OK(data.consume_in(data.stream, How::all_wait));
  CUDA_OK(data.consume_in(data.stream, How::all_wait));
  CUDA_OK(cudaDeviceSynchronize());
  EXPECT_VALUES(overlaps_of_log(), {0, 0, 1, 1});
}

struct Graph {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;

  explicit Graph(cudaStream_t stream) {
    CUDA_OK(cudaStreamEndCapture(stream, &graph));
    CUDA_OK(cudaGraphInstantiate(&executable, graph, 0));
  }
  ~Graph() {
    cudaGraphExecDestroy(executable);
    cudaGraphDestroy(graph);
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
};

TEST(HopperDependentLaunches, in_a_graph) {
  NEEDS_HOPPER();
  Data data;
  CUDA_OK(cudaStreamBeginCapture(data.stream, cudaStreamCaptureModeThreadLocal));
  CUDA_OK(data.consume_in(data.stream, How::all_wait));
  data.produce_in(data.stream);
  CUDA_OK(data.consume_in(data.stream, How::all_wait));
  const Graph graph(data.stream);
  data.produce_in(data.stream);
  cuemu_reset_counters();
  CUDA_OK(cudaGraphLaunch(graph.executable, data.stream));
  data.expect_consumed();
  if (cuemu_present()) EXPECT_VALUES(overlaps_of_log(), {0, 0, 1});

  cudaGraphNode_t from[4] = {}, to[4] = {};
  cudaGraphEdgeData edges[4] = {};
  size_t count = 4;
  CUDA_OK(cudaGraphGetEdges(graph.graph, from, to, edges, &count));
  ASSERT_EQ(count, size_t(2));
  for (const cudaGraphEdgeData& edge : {edges[0], edges[1]}) {
    const bool programmatic = edge.type == cudaGraphDependencyTypeProgrammatic;
    EXPECT_EQ(int(edge.from_port),
              programmatic ? cudaGraphKernelNodePortProgrammatic : cudaGraphKernelNodePortDefault);
    EXPECT_EQ(int(edge.to_port), 0);
  }
  EXPECT_EQ(int(edges[0].type) + int(edges[1].type), int(cudaGraphDependencyTypeProgrammatic));
  count = 4;
  EXPECT_STATUS(cudaGraphGetEdges(graph.graph, from, to, nullptr, &count), cudaErrorLossyQuery);
  cudaGetLastError();
  CUDA_OK(cudaGraphGetEdges(graph.graph, nullptr, nullptr, nullptr, &count));
  EXPECT_EQ(count, size_t(2));
}

TEST(HopperDependentLaunches, early_reads_in_a_graph) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  Data data;
  CUDA_OK(cudaStreamBeginCapture(data.stream, cudaStreamCaptureModeThreadLocal));
  data.produce_in(data.stream);
  CUDA_OK(data.consume_in(data.stream, How::nobody_waits));
  const Graph graph(data.stream);
  cudaGraphLaunch(graph.executable, data.stream);
  EXPECT_FAULT({"pdl-early-read"}, "consume", {kLastRead});
}

}  // namespace dependent_launch_tests
