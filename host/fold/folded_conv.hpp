// SPDX-License-Identifier: MIT
// What a FoldedConv holds.
#pragma once

#include <vector>

#include "base/internals.hpp"
#include "foldconv/fold.hpp"

namespace foldconv {

struct FoldedConv::Data {
  DataType dtype = DataType::f16;
  int k = 0, c_per_group = 0, r = 0, s = 0;
  std::vector<float> weights;  // KCRS
  std::vector<float> scale;    // k
  std::vector<float> bias;     // k
  FoldReport report;
};

namespace host {
using FoldedConvData = DataOf<FoldedConv>;
}

}  // namespace foldconv
