// Tensors of a batch whose images are copies.
//
// The fp64 reference is slow, so a large batch holds copies: image i is image i % distinct.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "foldconv/tensor.hpp"

namespace foldconv::tool {

struct Images {
  DataType dtype = DataType::f16;
  Shape shape;  // all images
  int distinct = 1;

  std::size_t image_bytes() const;
  std::size_t bytes() const { return image_bytes() * static_cast<std::size_t>(shape.n); }
  // The values of the distinct images in a tensor of all of them.
  std::vector<float> distinct_values(std::span<const std::byte> tensor) const;
};

// How many distinct images of a problem the reference can afford.
int affordable_images(double flops_per_image);

// `values`, the distinct images, encoded; `images` from 1 on.
std::vector<std::byte> encode_images(DataType dtype, std::span<const float> values, int distinct,
                                     int images);

// A copy of the first image behind the last one.
std::vector<std::byte> followed_by_first_image(std::vector<std::byte> tensor, int images);

}  // namespace foldconv::tool
