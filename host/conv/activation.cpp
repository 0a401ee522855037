// SPDX-License-Identifier: MIT
#include "foldconv/activation.hpp"

#include <charconv>
#include <limits>
#include <system_error>

#include "base/enum_checks.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv {
namespace {

// Of the kind's name alone.
Activation with_defaults(Activation::Kind kind) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (kind == Activation::Kind::hard_sigmoid) return Activation::hard_sigmoid();
  if (kind == Activation::Kind::clip) return Activation::clip(-kInfinity, kInfinity);
  return {kind};
}

// Reads "name(0.125)" or "name(-1,1)", with as many parameters as the kind has.
bool read_parameters(std::string_view text, std::string_view name, Activation& activation) {
  const int count = Activation::parameters(activation.kind);
  if (count == 0) return false;
  if (!text.starts_with(name) || !text.ends_with(')') || text[name.size()] != '(') return false;
  const char *next = text.data() + name.size(), *end = text.data() + text.size() - 1;
  float values[] = {activation.alpha, activation.beta};
  for (int i = 0; i < count; ++i) {
    if (next == end || *next != (i == 0 ? '(' : ',')) return false;
    const auto [rest, error] = std::from_chars(next + 1, end, values[i]);
    if (error != std::errc()) return false;
    next = rest;
  }
  activation.alpha = values[0];
  activation.beta = values[1];
  return next == end && host::check_activation(activation).ok();
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
    case Activation::Kind::hard_sigmoid:
      return "hard_sigmoid";
    case Activation::Kind::clip:
      return "clip";
  }
  return "unknown";
}

std::string to_string(const Activation& activation) {
  return host::guarded_text([&] {
    std::string out = to_string(activation.kind);
    const int count = Activation::parameters(activation.kind);
    if (count == 1) out += host::text('(', activation.alpha, ')');
    if (count == 2) out += host::text('(', activation.alpha, ',', activation.beta, ')');
    return out;
  });
}

Result<Activation> parse_activation(std::string_view text) {
  return host::guarded([&]() -> Result<Activation> {
    std::string known;
    for (int i = 0; i < kActivationCount; ++i) {
      Activation activation = with_defaults(static_cast<Activation::Kind>(i));
      const std::string_view name = to_string(activation.kind);
      if (text == name || read_parameters(text, name, activation)) return activation;
      host::append(known, i == 0 ? "use " : ", ");
      host::append(known, name);
    }
    return host::invalid("unknown activation", host::text('"', text, '"'), known);
  });
}

}  // namespace foldconv
