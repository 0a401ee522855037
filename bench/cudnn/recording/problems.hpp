// SPDX-License-Identifier: MIT
// The small problems that a witness computes.
#pragma once

#include <string>
#include <vector>

#include "foldconv/fold.hpp"
#include "harness/problem/problem.hpp"

namespace foldconv::cudnn {

struct RecordedProblem {
  std::string name;
  harness::Problem problem;  // without data
  ScalePlacement placement = ScalePlacement::weights;
  bool batch_norm = true;
};
// Layers with every epilogue, stride, padding, dilation and grouping, and one block of each kind, in f16 and
// bf16; some layers in f32, too.
std::vector<RecordedProblem> recorded_problems();

}  // namespace foldconv::cudnn
