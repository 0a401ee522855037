// SPDX-License-Identifier: MIT
// Tensors of a plan as they lie in memory.
#pragma once

#include <vector>

#include "foldconv/graph.hpp"

namespace foldconv::host {

// Axes in memory, outermost first.
using AxisOrder = std::vector<int>;

// 0, 1, 2, ..: the model's order.
AxisOrder plain_order(std::size_t rank);
// n, then what is behind c, then c: NHWC of an image.
AxisOrder channels_last_order(std::size_t rank);

// A tensor in one of the plan's places; several may lie in one, as views of each other, or as parts of its channels.
struct Placed {
  int place = -1;
  Extents extents;
  AxisOrder order;
  // Elements from one run along the innermost axis to the next, where that is more than the run: of NHWC, from pixel to
  // pixel. 0: dense.
  int pitch = 0;
  std::int64_t offset = 0;  // of its first element in the place

  // Whether nothing else lies in front of it or between its elements.
  bool dense() const { return pitch == 0 && offset == 0; }
  std::int64_t elements() const;
  // Whether it lies, but for pitch and offset, as it would in the order `other`: axes of one element do not count.
  bool lies_in(const AxisOrder& other) const;
  // Extents in the order of memory.
  Extents memory_extents() const;
  // Elements between neighbours along each axis.
  std::vector<std::int64_t> strides() const;
};

}  // namespace foldconv::host
