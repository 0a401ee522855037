// SPDX-License-Identifier: MIT
#include "memory.hpp"

#include <algorithm>

#include "device.hpp"
#include "error.hpp"
#include "gil.hpp"

namespace nb = nanobind;

namespace foldconv::python {

Result<std::shared_ptr<StreamMemory>> StreamMemory::create(std::size_t bytes, int device,
                                                           cudaStream_t stream, nb::handle owner) {
  std::shared_ptr<StreamMemory> memory(new StreamMemory);
  const cudaError_t code = cudaMallocAsync(&memory->data_, std::max<std::size_t>(bytes, 1), stream);
  if (code != cudaSuccess) {
    return failure(
        code == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : ErrorCode::cuda_error,
        "no device memory for an array",
        std::to_string(bytes) + " bytes, " + cudaGetErrorName(cudaGetLastError()),
        "free arrays and plans that are not needed, or plan for fewer images");
  }
  memory->device_ = device;
  memory->stream_ = stream;
  memory->thread_ = std::this_thread::get_id();
  if (owner && !owner.is_none() && !PyLong_Check(owner.ptr()))
    memory->kept_.push_back(nb::borrow(owner));
  return memory;
}

StreamMemory::~StreamMemory() {
  if (data_ == nullptr || is_forked()) return;
  const DeviceScope scope(device_);
  const OutsideCapture outside;
  // Another thread's stream cannot be named, and the caller's streams may have been destroyed.
  bool in_order = stream_ != cudaStreamPerThread || thread_ == std::this_thread::get_id();
  for (std::size_t i = 0; in_order && i < readers_.size(); ++i)
    in_order = order(readers_[i], stream_).ok();
  if (in_order && cudaFreeAsync(data_, stream_) == cudaSuccess) return;
  cudaGetLastError();
  cudaDeviceSynchronize();
  cudaFree(data_);
}

Status StreamMemory::read_by(cudaStream_t stream) {
  if (stream == stream_ && stream != cudaStreamPerThread) return {};
  if (std::ranges::find(readers_, stream) == readers_.end()) readers_.push_back(stream);
  return order(stream_, stream);
}

Status StreamMemory::written_by(cudaStream_t stream, nb::handle owner) {
  for (const cudaStream_t reader : readers_) {
    if (Status status = order(reader, stream); !status.ok()) return status;
  }
  if (Status status = order(stream_, stream); !status.ok()) return status;
  readers_.clear();
  stream_ = stream;
  thread_ = std::this_thread::get_id();
  if (owner && !owner.is_none() && !PyLong_Check(owner.ptr()) &&
      std::ranges::none_of(kept_, [&](const nb::object& object) { return object.is(owner); })) {
    kept_.push_back(nb::borrow(owner));
  }
  return {};
}

Status StreamMemory::synchronize() const {
  const DeviceScope scope(device_);
  const WithoutGil released;
  if (stream_ == cudaStreamPerThread && thread_ != std::this_thread::get_id())
    return cuda_status(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  return cuda_status(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
}

}  // namespace foldconv::python
