// The judgement of what a kernel computed.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "compute/images.hpp"
#include "harness/oracle/oracle.hpp"

namespace foldconv::tool {

struct Verdict {
  bool pass = false;
  double max_abs_error = 0;
  double worst_share = 0;  // of the error bound
  std::string reason;      // why it does not pass
};

// The first `distinct` images against the reference; every other one must equal its twin bit by
// bit, because an image's result may not depend on its place in the batch.
Verdict judge(const Images& images, const oracle::Expected& expected, std::span<const std::byte> y);

// Where two tensors differ, "" if nowhere.
std::string difference(const Images& images, std::span<const std::byte> expected,
                       std::span<const std::byte> got);

}  // namespace foldconv::tool
