// SPDX-License-Identifier: MIT
// The small problems that a witness computes.
#pragma once

#include <string>
#include <vector>

#include "foldconv/conv.hpp"
#include "foldconv/fold.hpp"

namespace foldconv::cudnn {

struct RecordedConv {
  std::string name;
  ConvProblem problem;
  bool batch_norm = true;
  ScalePlacement placement = ScalePlacement::weights;
};
// Every epilogue, stride, padding, dilation and grouping, in f16 and bf16, some in f32.
std::vector<RecordedConv> recorded_convs();

struct RecordedBlock {
  std::string name;
  std::string descriptor;  // see harness/problem/text.hpp
  DataType dtype = DataType::f16;
};
// One block of each kind, in f16 and bf16.
std::vector<RecordedBlock> recorded_blocks();

}  // namespace foldconv::cudnn
