// SPDX-License-Identifier: MIT
// What a plan needs of a device for its calls on one stream: the workspace, and room for arrays from the host.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "foldconv/status.hpp"

namespace foldconv::python {

class Arena {
 public:
  explicit Arena(cudaStream_t stream) : stream_(stream) {}
  // Waits for the stream: what it was given may use the memory.
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Calls on a stream take turns by it; without the GIL, which is never taken while it is held.
  std::mutex& mutex() { return mutex_; }
  cudaStream_t stream() const { return stream_; }

  // At least so many bytes, made at the first call. With the mutex.
  Result<std::byte*> workspace(std::size_t bytes) { return part(workspace_, bytes); }
  Result<std::byte*> staging(std::size_t bytes) { return part(staging_, bytes); }
  const std::byte* workspace() const { return workspace_; }

 private:
  static Result<std::byte*> part(std::byte*& memory, std::size_t bytes);

  std::mutex mutex_;
  cudaStream_t stream_;
  std::byte* workspace_ = nullptr;
  std::byte* staging_ = nullptr;
};

// One for each stream in use. Streams live on one device, which is current.
class Arenas {
 public:
  // Errors: of the stream.
  Result<Arena*> at(cudaStream_t stream);
  // That of the last at(), or null.
  Arena* last();

 private:
  // A stream's number in the process, which unlike its handle is never given again.
  std::mutex mutex_;
  std::map<unsigned long long, std::unique_ptr<Arena>> arenas_;
  Arena* last_ = nullptr;
};

}  // namespace foldconv::python
