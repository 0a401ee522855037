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

  // `stream` reads it from now on, or writes it: behind all that has been asked of the memory so far. `owner`: as above.
  Status read_by(cudaStream_t stream, nanobind::handle owner);
  Status written_by(cudaStream_t stream, nanobind::handle owner);
  // Waits for what was written.
  Status synchronize() const;

 private:
  struct User {
    explicit User(cudaStream_t used)
        : stream(used),
          thread(used == cudaStreamPerThread ? std::this_thread::get_id() : std::thread::id()) {}
    bool operator==(const User&) const = default;
    // Another thread's own stream has no name in this one.
    bool has_name() const {
      return thread == std::thread::id() || thread == std::this_thread::get_id();
    }

    cudaStream_t stream;
    std::thread::id thread;  // whose cudaStreamPerThread it is; none of other streams
  };

  StreamMemory() = default;
  // What `after` is given from now on waits for what the user's stream has been given.
  static Status order_behind(const User& before, cudaStream_t after);
  void keep(nanobind::handle owner);

  void* data_ = nullptr;
  int device_ = 0;
  User writer_{nullptr};                // that wrote it last
  std::vector<User> readers_;           // others, since
  std::vector<nanobind::object> kept_;  // the streams' Python objects
};

}  // namespace foldconv::python
