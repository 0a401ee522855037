// SPDX-License-Identifier: MIT
#include "harness/ways/judge.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace foldconv::harness {
namespace {

Verdict compare(const Images& images, const oracle::Expected& expected,
                std::span<const std::byte> y) {
  const oracle::Comparison comparison = oracle::compare(images.distinct_values(y), expected);
  Verdict verdict{.pass = comparison.pass,
                  .max_abs_error = comparison.max_abs_error,
                  .worst_share = comparison.worst_share};
  if (comparison.pass) return verdict;
  verdict.reason = comparison.to_string();
  if (comparison.worst_index >= 0) {
    verdict.reason += "; the worst element is " + images.place_of(comparison.worst_index);
  }
  return verdict;
}

// What is expected of one of the distinct images.
oracle::Expected part_of(const oracle::Expected& expected, std::size_t image,
                         std::size_t elements) {
  const auto part = [&](const std::vector<double>& all) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(image * elements);
    return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(elements));
  };
  return {.y = part(expected.y), .bound = part(expected.bound)};
}

}  // namespace

void merge(Verdict& worst, const Verdict& verdict) {
  if (worst.pass) worst.reason = verdict.reason;
  worst.pass &= verdict.pass;
  worst.max_abs_error = std::max(worst.max_abs_error, verdict.max_abs_error);
  worst.worst_share = std::max(worst.worst_share, verdict.worst_share);
}

Verdict judge(const Images& images, const oracle::Expected& expected, std::span<const std::byte> y,
              Copies copies) {
  const auto count = static_cast<std::size_t>(images.shape.n);
  const auto distinct = static_cast<std::size_t>(images.distinct);
  const std::size_t bytes = images.image_bytes();
  Images one = images;
  one.distinct = one.shape.n = 1;
  Verdict worst = compare(images, expected, y);
  for (std::size_t i = distinct; i < count && worst.pass; ++i) {
    const std::size_t twin = i % distinct;
    const auto image = y.subspan(i * bytes, bytes);
    if (std::memcmp(image.data(), y.data() + twin * bytes, bytes) == 0) continue;
    const std::string name = "image " + std::to_string(i);
    if (copies == Copies::within_bound) {
      const std::size_t elements = bytes / size_of(images.dtype);
      merge(worst, compare(one, part_of(expected, twin, elements), image));
      if (!worst.pass) worst.reason.insert(0, name + ": ");
    } else {
      worst.pass = false;
      worst.reason = name + " differs from its copy, image " + std::to_string(twin);
    }
  }
  return worst;
}

std::string difference(const Images& images, std::span<const std::byte> expected,
                       std::span<const std::byte> got) {
  const std::size_t element_bytes = size_of(images.dtype);
  if (expected.size() != got.size()) return "another number of elements";
  std::int64_t differing = 0, first = -1;
  for (std::size_t at = 0; at + element_bytes <= expected.size(); at += element_bytes) {
    if (std::memcmp(expected.data() + at, got.data() + at, element_bytes) == 0) continue;
    if (first < 0) first = static_cast<std::int64_t>(at / element_bytes);
    ++differing;
  }
  if (first < 0) return "";
  return std::to_string(differing) + " of " + std::to_string(expected.size() / element_bytes) +
         " elements, the first at " + images.place_of(first);
}

}  // namespace foldconv::harness
