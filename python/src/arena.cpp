// SPDX-License-Identifier: MIT
#include "arena.hpp"

#include <string>
#include <utility>

#include "device.hpp"
#include "error.hpp"

namespace foldconv::python {

Arena::~Arena() {
  if (workspace_ == nullptr && staging_ == nullptr) return;
  const OutsideCapture outside;
  // The handle may name another thread's stream here, or one that is no more.
  if (stream_ == cudaStreamPerThread || cudaStreamSynchronize(stream_) != cudaSuccess) {
    cudaGetLastError();
    cudaDeviceSynchronize();
  }
  cudaFree(workspace_);
  cudaFree(staging_);
}

Result<std::byte*> Arena::part(std::byte*& memory, std::size_t bytes) {
  if (memory != nullptr || bytes == 0) return memory;
  const OutsideCapture outside;
  void* made = nullptr;
  if (const cudaError_t code = cudaMalloc(&made, bytes); code != cudaSuccess) {
    const Status status = cuda_failure(code, "cudaMalloc");
    return Status(status.code(), "a plan's memory for a stream, " + std::to_string(bytes) +
                                     " bytes: " + status.message());
  }
  memory = static_cast<std::byte*>(made);
  return memory;
}

Result<std::shared_ptr<Arena>> Arenas::at(cudaStream_t stream, std::shared_ptr<Arena>& unused) {
  unsigned long long id = 0;
  if (const cudaError_t code = cudaStreamGetId(stream, &id); code != cudaSuccess)
    return cuda_failure(code, "cudaStreamGetId");
  const std::lock_guard lock(mutex_);
  if (!arenas_.contains(id) && arenas_.size() >= kMost) unused = take_oldest();
  Entry& entry = arenas_[id];
  if (entry.arena == nullptr) entry.arena = std::make_shared<Arena>(stream);
  entry.used = ++calls_;
  last_ = entry.arena;
  return last_;
}

// Null where calls are in all of them.
std::shared_ptr<Arena> Arenas::take_oldest() {
  auto oldest = arenas_.end();
  for (auto one = arenas_.begin(); one != arenas_.end(); ++one) {
    if (one->second.arena.use_count() > 1) continue;
    if (oldest == arenas_.end() || one->second.used < oldest->second.used) oldest = one;
  }
  if (oldest == arenas_.end()) return nullptr;
  std::shared_ptr<Arena> arena = std::move(oldest->second.arena);
  arenas_.erase(oldest);
  return arena;
}

std::shared_ptr<Arena> Arenas::last() {
  const std::lock_guard lock(mutex_);
  return last_;
}

}  // namespace foldconv::python
