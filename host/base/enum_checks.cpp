// SPDX-License-Identifier: MIT
#include "base/enum_checks.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv::host {

Status check_data_type(DataType dtype) {
  if (size_of(dtype) != 0) return {};
  return invalid("unknown data type", text("static_cast<DataType>(", static_cast<int>(dtype), ")"),
                 "use f16, bf16 or f32");
}

Status check_activation(const Activation& activation) {
  if (static_cast<int>(activation.kind) >= kActivationCount) {
    return invalid("unknown activation",
                   text("static_cast<Activation::Kind>(", static_cast<int>(activation.kind), ")"),
                   text("use a value of the enum, below ", kActivationCount));
  }
  if (activation.kind == Activation::Kind::leaky_relu && !std::isfinite(activation.alpha)) {
    return invalid("the slope of leaky_relu is not finite", text("alpha = ", activation.alpha),
                   "use a finite slope, such as 0.01");
  }
  return {};
}

}  // namespace foldconv::host
