// SPDX-License-Identifier: MIT
// Ranges for profilers (NVTX 3, header-only): domain "foldconv", one range for each run, named by
// kernel and problem. Without a tool that listens, a range costs two tests of a pointer.
#pragma once

#include <nvtx3/nvtx3.hpp>
#include <string>

#include "base/text.hpp"
#include "foldconv/tensor.hpp"

namespace foldconv::host {

struct TraceDomain {
  static constexpr const char* name = "foldconv";
};

// Open until it goes out of scope. `name` is copied by the tool, if there is one.
class TraceRange {
 public:
  explicit TraceRange(const char* name) : range_(nvtx3::event_attributes(name)) {}

 private:
  nvtx3::scoped_range_in<TraceDomain> range_;
};

// "2x56x56x64"
inline std::string trace_name(const Shape& shape) {
  return text(shape.n, "x", shape.h, "x", shape.w, "x", shape.c);
}

}  // namespace foldconv::host
