// SPDX-License-Identifier: MIT
// Device memory that is allocated, used and freed in the order of streams.
#pragma once

#include <cuda_runtime_api.h>
#include <nanobind/nanobind.h>

#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "foldconv/status.hpp"

namespace foldconv::python {

// Under the GIL.
class StreamMemory {
 public:
  // `owner`: the Python object of the stream, which is kept as long as the memory.
  static Result<std::shared_ptr<StreamMemory>> create(std::size_t bytes, int device,
                                                      cudaStream_t stream, nanobind::handle owner);
  ~StreamMemory();
  StreamMemory(const StreamMemory&) = delete;
  StreamMemory& operator=(const StreamMemory&) = delete;

  void* data() const noexcept { return data_; }
  int device() const noexcept { return device_; }

  // `stream` reads it from now on, or writes it: behind all that has been asked of the memory so far.
  Status read_by(cudaStream_t stream);
  Status written_by(cudaStream_t stream, nanobind::handle owner);
  // Waits for what was written.
  Status synchronize() const;

 private:
  StreamMemory() = default;

  void* data_ = nullptr;
  int device_ = 0;
  cudaStream_t stream_ = nullptr;       // that wrote it last
  std::thread::id thread_;              // whose stream cudaStreamPerThread is
  std::vector<cudaStream_t> readers_;   // other streams, since
  std::vector<nanobind::object> kept_;  // the streams' Python objects
};

}  // namespace foldconv::python
