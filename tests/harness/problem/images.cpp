// SPDX-License-Identifier: MIT
#include "harness/problem/images.hpp"

#include <cstring>

#include "harness/oracle/rounding.hpp"

namespace foldconv::harness {
std::size_t Images::image_bytes() const {
  return static_cast<std::size_t>(Shape{1, shape.h, shape.w, shape.c}.elements()) * size_of(dtype);
}

std::vector<float> Images::distinct_values(std::span<const std::byte> tensor) const {
  return oracle::decode(dtype, tensor.first(image_bytes() * static_cast<std::size_t>(distinct)));
}

Bytes Images::encode(std::span<const float> values) const {
  const Bytes encoded = oracle::encode(dtype, values);
  const std::size_t image = image_bytes();
  Bytes all(bytes());
  for (std::size_t i = 0; i < static_cast<std::size_t>(shape.n); ++i) {
    std::memcpy(all.data() + i * image,
                encoded.data() + i % static_cast<std::size_t>(distinct) * image, image);
  }
  return all;
}

std::string Images::place_of(std::int64_t element) const {
  const std::int64_t c = shape.c, w = shape.w, h = shape.h;
  const auto number = [](std::int64_t value) { return std::to_string(value); };
  return "image " + number(element / (h * w * c)) + ", row " + number(element / (w * c) % h) +
         ", column " + number(element / c % w) + ", channel " + number(element % c);
}

}  // namespace foldconv::harness
