// SPDX-License-Identifier: MIT
#include "harness/ways/judge.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace foldconv::harness {
namespace {

// The first `images.distinct` images of y.
Verdict judge_distinct(const Images& images, const oracle::Expected& expected,
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

// What is expected of the first images only.
oracle::Expected first_of(const oracle::Expected& expected, std::size_t elements) {
  const auto count = static_cast<std::ptrdiff_t>(elements);
  return {.y = {expected.y.begin(), expected.y.begin() + count},
          .bound = {expected.bound.begin(), expected.bound.begin() + count}};
}

}  // namespace

void merge(Verdict& worst, const Verdict& verdict, const std::string& what) {
  if (!verdict.pass && worst.pass) {
    worst.pass = false;
    worst.reason = what + verdict.reason;
  }
  worst.max_abs_error = std::max(worst.max_abs_error, verdict.max_abs_error);
  worst.worst_share = std::max(worst.worst_share, verdict.worst_share);
}

Verdict judge(const Images& images, const oracle::Expected& expected, std::span<const std::byte> y,
              Copies copies) {
  const auto count = static_cast<std::size_t>(images.shape.n);
  const auto distinct = static_cast<std::size_t>(images.distinct);
  const std::size_t image_bytes = images.image_bytes();
  Verdict worst = judge_distinct(images, expected, y);
  for (std::size_t first = distinct; first < count && worst.pass; first += distinct) {
    const std::size_t here = std::min(distinct, count - first);
    const auto part = y.subspan(first * image_bytes, here * image_bytes);
    if (std::memcmp(part.data(), y.data(), part.size()) == 0) continue;
    if (copies == Copies::within_bound) {
      Images some = images;
      some.distinct = some.shape.n = static_cast<int>(here);
      const std::size_t elements = part.size() / size_of(images.dtype);
      const std::string of = "of those from image " + std::to_string(first) + " on: ";
      merge(worst,
            judge_distinct(some, here < distinct ? first_of(expected, elements) : expected, part),
            of);
      continue;
    }
    std::size_t at = 0;
    while (std::memcmp(part.data() + at * image_bytes, y.data() + at * image_bytes, image_bytes) ==
           0) {
      ++at;
    }
    merge(worst,
          {.pass = false,
           .reason = "image " + std::to_string(first + at) + " differs from its copy, image " +
                     std::to_string(at)},
          "");
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
