// SPDX-License-Identifier: MIT
// A tensor load as a probe: the words are whether the barrier completed, then shared memory from
// the 1024-byte boundary on, poisoned before (kTmaPoison).
#pragma once

#include "sm90/tensor.hpp"

namespace foldconv::probes {

struct TmaLoad {
  TensorSpec spec;
  bool im2col = false;
  Dims corner = {0, 0, 0, 0, 0};
  std::array<std::uint16_t, 3> offsets = {0, 0, 0};
  std::uint32_t destination = 0;  // after the boundary
  bool expectation = true;        // whether the model of tensor.cpp covers it
  Bytes tensor;                   // empty: numbered
};

Result run_tma_load(const TmaLoad& load);

}  // namespace foldconv::probes
