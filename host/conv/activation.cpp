// SPDX-License-Identifier: MIT
#include "foldconv/activation.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv {

const char* to_string(Activation activation) noexcept {
  switch (activation) {
    case Activation::none:
      return "none";
    case Activation::relu:
      return "relu";
    case Activation::relu6:
      return "relu6";
    case Activation::leaky_relu:
      return "leaky_relu";
    case Activation::silu:
      return "silu";
    case Activation::sigmoid:
      return "sigmoid";
    case Activation::tanh:
      return "tanh";
    case Activation::hardswish:
      return "hardswish";
    case Activation::gelu:
      return "gelu";
  }
  return "unknown";
}

Result<Activation> parse_activation(std::string_view name) {
  return host::guarded([&]() -> Result<Activation> {
    std::string known;
    for (int i = 0; i < kActivationCount; ++i) {
      const auto activation = static_cast<Activation>(i);
      if (name == to_string(activation)) return activation;
      host::append(known, i == 0 ? "use " : ", ");
      host::append(known, to_string(activation));
    }
    return host::invalid("unknown activation", host::text('"', name, '"'), known);
  });
}

}  // namespace foldconv
