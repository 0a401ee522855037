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
  memory->writer_ = User(stream);
  memory->keep(owner);
  return memory;
}

StreamMemory::~StreamMemory() {
  if (data_ == nullptr || is_forked()) return;
  const DeviceScope scope(device_);
  const OutsideCapture outside;
  // The caller's streams may have been destroyed.
  bool in_order = writer_.has_name();
  for (std::size_t i = 0; in_order && i < readers_.size(); ++i)
    in_order = readers_[i].has_name() && order(readers_[i].stream, writer_.stream).ok();
  if (in_order && cudaFreeAsync(data_, writer_.stream) == cudaSuccess) return;
  cudaGetLastError();
  cudaDeviceSynchronize();
  cudaFree(data_);
}

Status StreamMemory::order_behind(const User& before, cudaStream_t after) {
  if (before.has_name()) return order(before.stream, after);
  return cuda_status(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

void StreamMemory::keep(nb::handle owner) {
  if (!owner || owner.is_none() || PyLong_Check(owner.ptr())) return;
  if (std::ranges::none_of(kept_, [&](const nb::object& object) { return object.is(owner); }))
    kept_.push_back(nb::borrow(owner));
}

Status StreamMemory::read_by(cudaStream_t stream, nb::handle owner) {
  const User reader(stream);
  if (reader == writer_) return {};
  if (std::ranges::find(readers_, reader) == readers_.end()) readers_.push_back(reader);
  keep(owner);
  return order_behind(writer_, stream);
}

Status StreamMemory::written_by(cudaStream_t stream, nb::handle owner) {
  for (const User& reader : readers_) {
    if (Status status = order_behind(reader, stream); !status.ok()) return status;
  }
  if (Status status = order_behind(writer_, stream); !status.ok()) return status;
  readers_.clear();
  writer_ = User(stream);
  keep(owner);
  return {};
}

Status StreamMemory::synchronize() const {
  const DeviceScope scope(device_);
  const WithoutGil released;
  if (!writer_.has_name()) return cuda_status(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  return cuda_status(cudaStreamSynchronize(writer_.stream), "cudaStreamSynchronize");
}

}  // namespace foldconv::python
