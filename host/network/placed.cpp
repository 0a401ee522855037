// SPDX-License-Identifier: MIT
#include "network/placed.hpp"

#include <algorithm>
#include <numeric>

namespace foldconv::host {
namespace {

AxisOrder without_ones(const AxisOrder& order, const Extents& extents) {
  AxisOrder kept;
  for (const int axis : order) {
    if (extents[static_cast<std::size_t>(axis)] != 1) kept.push_back(axis);
  }
  return kept;
}

}  // namespace

AxisOrder plain_order(std::size_t rank) {
  AxisOrder order(rank);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

AxisOrder channels_last_order(std::size_t rank) {
  AxisOrder order = plain_order(rank);
  if (rank > 2) std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return order;
}

std::int64_t Placed::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t d : extents) product *= d;
  return product;
}

bool Placed::lies_in(const AxisOrder& other) const {
  return without_ones(order, extents) == without_ones(other, extents);
}

Extents Placed::memory_extents() const {
  Extents result;
  for (const int axis : order) result.push_back(extents[static_cast<std::size_t>(axis)]);
  return result;
}

std::vector<std::int64_t> Placed::strides() const {
  std::vector<std::int64_t> result(extents.size());
  std::int64_t stride = 1;
  for (std::size_t i = order.size(); i-- > 0;) {
    const auto axis = static_cast<std::size_t>(order[i]);
    result[axis] = stride;
    stride *= extents[axis];
    if (i + 1 == order.size() && pitch != 0) stride = pitch;
  }
  return result;
}

}  // namespace foldconv::host
