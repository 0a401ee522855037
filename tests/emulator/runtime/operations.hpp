// SPDX-License-Identifier: MIT
// What a stream or a graph node does on the device. The runtime executes eagerly: an operation
// submitted to a stream has ended when the call returns, unless the stream is being captured or the
// operation is a copy that may arrive late.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "modules.hpp"

namespace cuemu::runtime {

struct KernelOperation {
  KernelRecord* kernel = nullptr;
  Dim3 grid, block;
  Dim3 cluster;               // of one block where there are no clusters
  bool is_clustered = false;  // by the launch or by the kernel
  bool cooperative = false;
  // Programmatic stream serialisation: it may begin while the kernel before it still runs. At first what the launch asks
  // for; when it has been put into a stream, whether it comes to that.
  bool overlaps_previous = false;
  uint64_t stream = 0;  // a number of the stream that it was put into
  cudaClusterSchedulingPolicy cluster_scheduling = cudaClusterSchedulingPolicyDefault;
  uint32_t dynamic_shared_bytes = 0;
  std::vector<std::byte> parameters;  // packed as the kernel expects them
};

struct CopyOperation {
  std::byte* destination = nullptr;
  const std::byte* source = nullptr;
  size_t destination_pitch = 0, source_pitch = 0;
  size_t width = 0;  // bytes a row
  size_t rows = 1;
  cudaMemcpyKind kind = cudaMemcpyDefault;
  bool synchronous = false;  // no ...Async call
};

struct FillOperation {
  std::byte* destination = nullptr;
  size_t pitch = 0;
  uint32_t value = 0;
  uint32_t element_bytes = 1;
  size_t width = 0;  // elements a row
  size_t rows = 1;
};

struct HostOperation {
  cudaHostFn_t function = nullptr;
  void* argument = nullptr;
};

struct EmptyOperation {};

// What cudaEventRecordExternal and cudaEventWaitExternal capture.
struct EventRecordOperation {
  cudaEvent_t event = nullptr;
};
struct EventWaitOperation {
  cudaEvent_t event = nullptr;
};

struct Program;

// A graph within a stream or within another graph.
struct GraphOperation {
  std::shared_ptr<const Program> program;
};

using Operation =
    std::variant<EmptyOperation, KernelOperation, CopyOperation, FillOperation, HostOperation,
                 GraphOperation, EventRecordOperation, EventWaitOperation>;

// Operations in an order in which they can run one after another.
struct Program {
  std::vector<Operation> operations;
};

// The device does one thing at a time, so host threads that share a stream see it in order.
std::mutex& device_mutex();

// A kernel fault does not show in the result: as on a GPU it is the next call that reports it.
cudaError_t execute(const Operation& operation);

}  // namespace cuemu::runtime
