// SPDX-License-Identifier: MIT
// Tensors of a batch whose images are copies.
//
// The fp64 oracle is slow, so a large batch holds copies: image i is image i % distinct.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "foldconv/tensor.hpp"
#include "harness/device/buffer.hpp"

namespace foldconv::harness {

struct Images {
  DataType dtype = DataType::f16;
  Shape shape;  // all images
  int distinct = 1;

  std::size_t image_bytes() const;
  std::size_t bytes() const { return image_bytes() * static_cast<std::size_t>(shape.n); }
  // The values of the distinct images in a tensor of all of them.
  std::vector<float> distinct_values(std::span<const std::byte> tensor) const;
  // The tensor of all images; `values`: of the distinct ones.
  Bytes encode(std::span<const float> values) const;
  // "image 0, row 2, column 4, channel 1"
  std::string place_of(std::int64_t element) const;
};

}  // namespace foldconv::harness
