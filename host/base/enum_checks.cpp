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
  if (activation.kind == Activation::Kind::hard_sigmoid &&
      !(std::isfinite(activation.alpha) && std::isfinite(activation.beta))) {
    return invalid("a parameter of hard_sigmoid is not finite",
                   text("alpha = ", activation.alpha, ", beta = ", activation.beta),
                   "use finite ones, such as 0.2 and 0.5");
  }
  if (activation.kind == Activation::Kind::clip && !(activation.alpha <= activation.beta)) {
    return invalid("the lower limit of clip is not at most the upper one",
                   text("low = ", activation.alpha, ", high = ", activation.beta),
                   "use low <= high, neither of them NaN");
  }
  return {};
}

}  // namespace foldconv::host
