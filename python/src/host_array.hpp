// SPDX-License-Identifier: MIT
// Arrays on the host: NumPy's, and whatever becomes one without a copy.
#pragma once

#include <nanobind/nanobind.h>

#include <string>

#include "element.hpp"

namespace foldconv::python {

// A host array in memory that is dense and row-major; copied where it was not.
class HostArray {
 public:
  HostArray() = default;
  // Raises, beginning with `who` (input "image"), for what cannot be read. `channels_last`: of another library's tensor
  // n, c, h, w that lies in memory as n, h, w, c, that.
  HostArray(nanobind::handle x, const std::string& who, bool channels_last = false);
  // Of one to write to: raises unless it is dense and writable.
  static HostArray writable(nanobind::handle x, const std::string& who);
  HostArray(HostArray&& other) noexcept;
  HostArray& operator=(HostArray&& other) noexcept;
  ~HostArray();

  explicit operator bool() const { return view_.obj != nullptr; }
  void* data() const { return view_.buf; }
  std::size_t bytes() const { return static_cast<std::size_t>(view_.len); }
  std::span<const std::int64_t> shape() const { return shape_; }
  // Raises unless the elements are `element`'s (of bf16: f32).
  void require(const Element& element, const std::string& who) const;
  // "f32" of a format that has an Element, else NumPy's format.
  std::string dtype() const;
  const Element* element() const;  // null: of none

 private:
  void acquire(nanobind::handle x, int flags);
  void read_shape();

  Py_buffer view_ = {};
  Extents shape_;
};

// Whether it is on the host: it has a buffer, or DLPack says so. Raises for what is no array.
bool is_host_array(nanobind::handle x, const std::string& who);

}  // namespace foldconv::python
