#include "compute/judge.hpp"

#include <cstdint>
#include <cstring>

namespace foldconv::tool {
namespace {

std::string place_of(std::int64_t element, const Shape& shape) {
  const std::int64_t c = shape.c, w = shape.w, h = shape.h;
  const auto number = [](std::int64_t value) { return std::to_string(value); };
  return "image " + number(element / (h * w * c)) + ", row " + number(element / (w * c) % h) +
         ", column " + number(element / c % w) + ", channel " + number(element % c);
}

}  // namespace

Verdict judge(const Images& images, const oracle::Expected& expected,
              std::span<const std::byte> y) {
  const auto count = static_cast<std::size_t>(images.shape.n);
  const auto distinct = static_cast<std::size_t>(images.distinct);
  const std::size_t image_bytes = images.image_bytes();
  const oracle::Comparison comparison = oracle::compare(images.distinct_values(y), expected);
  Verdict verdict{.pass = comparison.pass,
                  .max_abs_error = comparison.max_abs_error,
                  .worst_share = comparison.worst_share,
                  .reason = ""};
  if (!comparison.pass) verdict.reason = comparison.to_string();
  if (!comparison.pass && comparison.worst_index >= 0) {
    verdict.reason += "; the worst element is " + place_of(comparison.worst_index, images.shape);
  }
  for (std::size_t i = distinct; i < count && verdict.pass; ++i) {
    const std::byte* twin = y.data() + (i % distinct) * image_bytes;
    if (std::memcmp(y.data() + i * image_bytes, twin, image_bytes) == 0) continue;
    verdict.pass = false;
    verdict.reason = "image " + std::to_string(i) + " differs from its copy, image " +
                     std::to_string(i % distinct);
  }
  return verdict;
}

std::string difference(const Images& images, std::span<const std::byte> expected,
                       std::span<const std::byte> got) {
  const std::size_t element_bytes = size_of(images.dtype);
  std::int64_t differing = 0, first = -1;
  for (std::size_t at = 0; at + element_bytes <= expected.size(); at += element_bytes) {
    if (std::memcmp(expected.data() + at, got.data() + at, element_bytes) == 0) continue;
    if (first < 0) first = static_cast<std::int64_t>(at / element_bytes);
    ++differing;
  }
  if (first < 0) return "";
  return std::to_string(differing) + " of " + std::to_string(expected.size() / element_bytes) +
         " elements, the first at " + place_of(first, images.shape);
}

}  // namespace foldconv::tool
