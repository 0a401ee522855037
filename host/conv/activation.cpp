// SPDX-License-Identifier: MIT
#include "foldconv/activation.hpp"

#include <charconv>
#include <cmath>
#include <system_error>

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv {
namespace {

// Reads "name(0.125)" where the kind has an alpha.
bool read_alpha(std::string_view text, std::string_view name, Activation& activation) {
  if (activation.kind != Activation::Kind::leaky_relu) return false;
  if (!text.starts_with(name) || !text.ends_with(')') || text[name.size()] != '(') return false;
  const char *begin = text.data() + name.size() + 1, *end = text.data() + text.size() - 1;
  float alpha = 0;
  const auto [rest, error] = std::from_chars(begin, end, alpha);
  if (error != std::errc() || rest != end || !std::isfinite(alpha)) return false;
  activation.alpha = alpha;
  return true;
}

}  // namespace

const char* to_string(Activation::Kind kind) noexcept {
  switch (kind) {
    case Activation::Kind::none:
      return "none";
    case Activation::Kind::relu:
      return "relu";
    case Activation::Kind::relu6:
      return "relu6";
    case Activation::Kind::leaky_relu:
      return "leaky_relu";
    case Activation::Kind::silu:
      return "silu";
    case Activation::Kind::sigmoid:
      return "sigmoid";
    case Activation::Kind::tanh:
      return "tanh";
    case Activation::Kind::hardswish:
      return "hardswish";
    case Activation::Kind::gelu:
      return "gelu";
  }
  return "unknown";
}

std::string to_string(const Activation& activation) {
  return host::guarded_text([&] {
    std::string out = to_string(activation.kind);
    if (activation.kind == Activation::Kind::leaky_relu) {
      out += host::text('(', activation.alpha, ')');
    }
    return out;
  });
}

Result<Activation> parse_activation(std::string_view text) {
  return host::guarded([&]() -> Result<Activation> {
    std::string known;
    for (int i = 0; i < kActivationCount; ++i) {
      Activation activation{static_cast<Activation::Kind>(i)};
      const std::string_view name = to_string(activation.kind);
      if (text == name || read_alpha(text, name, activation)) return activation;
      host::append(known, i == 0 ? "use " : ", ");
      host::append(known, name);
    }
    return host::invalid("unknown activation", host::text('"', text, '"'), known);
  });
}

}  // namespace foldconv
