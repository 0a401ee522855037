// SPDX-License-Identifier: MIT
// DLPack: other libraries' tensors without a copy. The structures are those of dlpack.h 1.0
// (https://dmlc.github.io/dlpack), whose layout is an ABI; nanobind's own import passes no stream.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <utility>

#include "device.hpp"

namespace foldconv::python {

struct DLDevice {
  std::int32_t type, id;
};
inline constexpr std::int32_t kDLCPU = 1, kDLCUDA = 2, kDLCUDAHost = 3, kDLCUDAManaged = 13;

struct DLDataType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};

struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // elements; null: dense, row-major
  std::uint64_t byte_offset;
};

struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor*);
};

struct DLPackVersion {
  std::uint32_t major, minor;
};
inline constexpr std::uint64_t kDLFlagReadOnly = 1;

struct DLManagedTensorVersioned {
  DLPackVersion version;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned*);
  std::uint64_t flags;
  DLTensor dl_tensor;
};

// Another library's tensor, until it is let go.
class BorrowedTensor {
 public:
  BorrowedTensor() = default;
  // What `__dlpack__` returned.
  explicit BorrowedTensor(nanobind::handle capsule);
  BorrowedTensor(BorrowedTensor&& other) noexcept
      : plain_(std::exchange(other.plain_, nullptr)),
        versioned_(std::exchange(other.versioned_, nullptr)) {}
  BorrowedTensor& operator=(BorrowedTensor&& other) noexcept {
    std::swap(plain_, other.plain_);
    std::swap(versioned_, other.versioned_);
    return *this;
  }
  ~BorrowedTensor();

  explicit operator bool() const { return plain_ != nullptr || versioned_ != nullptr; }
  const DLTensor& tensor() const {
    return versioned_ != nullptr ? versioned_->dl_tensor : plain_->dl_tensor;
  }
  bool read_only() const {
    return versioned_ != nullptr && (versioned_->flags & kDLFlagReadOnly) != 0;
  }

 private:
  DLManagedTensor* plain_ = nullptr;
  DLManagedTensorVersioned* versioned_ = nullptr;
};

bool has_dlpack(nanobind::handle x);
DLDevice dlpack_device(nanobind::handle x);
// The tensor, ready for what `stream` is given from now on.
BorrowedTensor borrow(nanobind::handle x, cudaStream_t stream);

// Keeps tensors until the stream has done what it was given so far.
void keep_until_done(BorrowedTensor tensor, cudaStream_t stream, int device);
// Lets go those whose streams are done.
void release_done();

}  // namespace foldconv::python
