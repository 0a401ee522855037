// SPDX-License-Identifier: MIT
// The judgement of what a kernel computed.
#pragma once

#include <span>
#include <string>

#include "harness/oracle/oracle.hpp"
#include "harness/problem/images.hpp"

namespace foldconv::harness {

struct Verdict {
  bool pass = true;
  double max_abs_error = 0;
  double worst_share = 0;   // of the error bound
  std::string reason = {};  // why it does not pass
};

// Keeps the worst figures, and the first reason.
void merge(Verdict& worst, const Verdict& verdict);

// What copies of an image must be.
enum class Copies {
  same_bits,     // an image's result may not depend on its place in the batch
  within_bound,  // each by the bound: others than foldconv promise no more
};

// The first `distinct` images against the oracle; the others as copies of them.
Verdict judge(const Images& images, const oracle::Expected& expected, std::span<const std::byte> y,
              Copies copies = Copies::same_bits);

// Where two tensors differ, "" if nowhere: "2 of 480 elements, the first at image 0, ...".
std::string difference(const Images& images, std::span<const std::byte> expected,
                       std::span<const std::byte> got);

}  // namespace foldconv::harness
