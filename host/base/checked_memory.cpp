// SPDX-License-Identifier: MIT
#include "base/checked_memory.hpp"

#include <cstddef>
#include <optional>
#include <string>

#include "base/device.hpp"
#include "base/error.hpp"
#include "base/pointer_queries.hpp"
#include "base/text.hpp"

namespace foldconv::host {
namespace {

std::string value_text(const NamedRange& range) {
  return text(range.name, " = ", address_text(range.data), ", ", range.bytes, " bytes");
}

const void* byte_of(const NamedRange& range, std::int64_t index) {
  return static_cast<const std::byte*>(range.data) + index;
}

Result<Reader> current_reader() {
  Reader reader;
  const Result<int> device = current_device();
  if (!device.ok()) return device.status();
  reader.device = *device;
  int pageable = 0;
  if (const cudaError_t code =
          cudaDeviceGetAttribute(&pageable, cudaDevAttrPageableMemoryAccess, *device);
      code != cudaSuccess) {
    return cuda_failure(code, "cudaDeviceGetAttribute");
  }
  reader.reads_pageable_memory = pageable != 0;
  return reader;
}

// How a range's bytes hang together.
class ProbedRange {
 public:
  ProbedRange(const NamedRange& range, const Reader& reader) : range_(range), reader_(reader) {
    // Memory that is mapped in pieces is of several allocations, and right: of such, and wherever the driver does not say
    // how it was made, only what bytes themselves are is looked at. So the driver's ranges do not serve either.
    if (is_plain_allocation(range.data)) id_ = allocation_id(range.data);
  }

  Status check(std::int64_t index) const {
    const void* const pointer = byte_of(range_, index);
    const Result<cudaPointerAttributes> attributes = attributes_of(pointer);
    if (!attributes.ok()) return attributes.status();
    return check_byte(range_, pointer, *attributes, reader_);
  }

  // Whether the byte is of the first one's allocation, as far as can be told.
  bool is_together(std::int64_t index) const {
    if (!id_) return true;
    const std::optional<std::uint64_t> id = allocation_id(byte_of(range_, index));
    return !id || *id == *id_;
  }

  // Of a range whose last byte is not, and whose first one is: how many are before one that is not.
  std::int64_t whole() const {
    std::int64_t in = 0, out = range_.bytes - 1;
    while (out - in > 1) {
      const std::int64_t middle = in + (out - in) / 2;
      (check(middle).ok() && is_together(middle) ? in : out) = middle;
    }
    return out;
  }

 private:
  const NamedRange& range_;
  const Reader& reader_;
  std::optional<std::uint64_t> id_;
};

}  // namespace

Status check_byte(const NamedRange& range, const void* pointer,
                  const cudaPointerAttributes& attributes, const Reader& reader) {
  if (attributes.type == cudaMemoryTypeUnregistered) {
    if (!host_can_read(pointer)) {
      return invalid(
          text(range.name, " is in no allocation"), value_text(range),
          "pass memory of cudaMalloc() that was not freed since; cudaDeviceReset() frees all");
    }
    if (reader.reads_pageable_memory) return {};
    return invalid(text(range.name, " is memory of the host"), value_text(range),
                   "copy it to memory of cudaMalloc(), or allocate it by cudaHostAlloc() or "
                   "cudaMallocManaged()");
  }
  if (attributes.devicePointer == pointer) return {};
  if (attributes.devicePointer != nullptr) {
    return invalid(
        text(range.name, " is another address of the memory than the device's"),
        text(value_text(range), ", on the device ", address_text(attributes.devicePointer)),
        "pass what cudaHostGetDevicePointer() gives");
  }
  if (attributes.type == cudaMemoryTypeHost) {
    return invalid(
        text(range.name, " is memory of the host that is not mapped for device ", reader.device),
        value_text(range), "allocate it by cudaHostAlloc() as mapped and portable");
  }
  return invalid(
      text(range.name, " is memory of device ", attributes.device, ", which device ", reader.device,
           " does not reach"),
      value_text(range),
      text("pass memory of device ", reader.device, ", or call cudaDeviceEnablePeerAccess()"));
}

Status check_reachable(const NamedRange& range) {
  if (range.bytes <= 0) return {};
  const Result<Reader> reader = current_reader();
  if (!reader.ok()) return reader.status();
  const ProbedRange bytes(range, *reader);
  if (Status status = bytes.check(0); !status.ok()) return status;
  const std::int64_t last = range.bytes - 1;
  Status end = bytes.check(last);
  if (end.code() != ErrorCode::ok && end.code() != ErrorCode::invalid_argument) return end;
  if (end.ok() && bytes.is_together(last)) return {};
  return invalid(text(range.name, " is longer than its allocation"),
                 text("of ", range.bytes, " bytes at ", address_text(range.data),
                      " only the first ", bytes.whole(), " lie in it"),
                 text("allocate ", range.bytes, " bytes"));
}

}  // namespace foldconv::host
