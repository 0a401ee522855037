// SPDX-License-Identifier: MIT
// What stands behind fc_problems. Knows nothing of foldconv::onnx, which may be absent.
#pragma once

#include <string>
#include <vector>

#include "foldconv.h"

namespace foldconv::c {

// onnx::Problem, and its line.
struct Problem {
  fc_code code;
  int opset;
  std::string node, op, rule, value, shape, remedy, text;
};

}  // namespace foldconv::c

struct fc_problems {
  std::vector<foldconv::c::Problem> list;
};
