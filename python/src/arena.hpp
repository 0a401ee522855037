// SPDX-License-Identifier: MIT
// What a plan needs of a device for its calls on one stream: the workspace, and room for arrays from the host.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
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
  // So many streams keep theirs, those that were used last: programs make streams as they go, and nobody says when one
  // is no more.
  static constexpr std::size_t kMost = 32;

  // Errors: of the stream. `unused`: one that goes for it, which waits, so best without the GIL.
  Result<std::shared_ptr<Arena>> at(cudaStream_t stream, std::shared_ptr<Arena>& unused);
  // That of the last at(), or null.
  std::shared_ptr<Arena> last();

 private:
  struct Entry {
    std::shared_ptr<Arena> arena = {};
    std::uint64_t used = 0;  // the number of the last at() for it
  };

  std::shared_ptr<Arena> take_oldest();

  std::mutex mutex_;
  // A stream's number in the process, which unlike its handle is never given again.
  std::map<unsigned long long, Entry> arenas_;
  std::shared_ptr<Arena> last_;
  std::uint64_t calls_ = 0;
};

}  // namespace foldconv::python
