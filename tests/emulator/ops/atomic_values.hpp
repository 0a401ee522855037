// SPDX-License-Identifier: MIT
// What atomic operations make of a value in memory, and how they exchange it; for atom, red and reductions by bulk copies.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

#include "decoder.hpp"
#include "half.hpp"

namespace cuemu {

enum class Action : uint32_t {
  add,
  min,
  max,
  exch,
  cas,
  conjunction,
  disjunction,
  exclusive,
  inc,
  dec
};

// Values of the 16-bit floating types, alone or in pairs.
template <class Format, class Bits>
struct HalfValue {
  Bits bits;
};

// Of a NaN and a number the number, also where the NaN is a signalling one, which std::fmin passes on.
template <class T>
T least_number(T a, T b) {
  return a != a ? b : b != b ? a : std::fmin(a, b);
}
template <class T>
T greatest_number(T a, T b) {
  return a != a ? b : b != b ? a : std::fmax(a, b);
}

template <class T>
T combine(Action action, T old, T b, T c) {
  if constexpr (std::is_floating_point_v<T>) {
    switch (action) {
      case Action::add:
        return old + b;
      case Action::min:
        return least_number(old, b);
      case Action::max:
        return greatest_number(old, b);
      default:
        return b;
    }
  } else {
    using U = std::make_unsigned_t<T>;
    switch (action) {
      case Action::add:
        return static_cast<T>(U(old) + U(b));
      case Action::min:
        return std::min(old, b);
      case Action::max:
        return std::max(old, b);
      case Action::exch:
        return b;
      case Action::cas:
        return old == b ? c : old;
      case Action::conjunction:
        return old & b;
      case Action::disjunction:
        return old | b;
      case Action::exclusive:
        return old ^ b;
      case Action::inc:
        return old >= b ? T{0} : static_cast<T>(old + 1);
      case Action::dec:
        return old == 0 || old > b ? b : static_cast<T>(old - 1);
    }
    return b;
  }
}

template <class Format, class Bits>
HalfValue<Format, Bits> combine(Action action, HalfValue<Format, Bits> old,
                                HalfValue<Format, Bits> b, HalfValue<Format, Bits>) {
  Bits result = 0;
  for (unsigned shift = 0; shift < sizeof(Bits) * 8; shift += 16) {
    const float x = Format::to_float(static_cast<uint16_t>(old.bits >> shift));
    const float y = Format::to_float(static_cast<uint16_t>(b.bits >> shift));
    const float r = action == Action::add   ? x + y
                    : action == Action::min ? least_number(x, y)
                                            : greatest_number(x, y);
    result |= static_cast<Bits>(Bits{Format::from_float(r)} << shift);
  }
  return {result};
}

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 2, uint16_t,
                                  std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>;

// On global memory f32 additions flush subnormal numbers, as the manual says of GPUs.
inline float flush(float v) {
  return std::fabs(v) < 0x1p-126f ? std::copysign(0.0f, v) : v;
}

template <class T>
T add_flushed(T old, T b) {
  if constexpr (std::is_same_v<T, float>) return flush(flush(old) + flush(b));
  return old;
}

// Other CTAs run on other host threads, so this is a true atomic operation of the host.
template <class T>
T exchange_with(Action action, bool flushes, void* address, T b, T c) {
  using Bits = BitsOf<T>;
  auto* place = static_cast<Bits*>(address);
  Bits old = __atomic_load_n(place, __ATOMIC_RELAXED);
  for (;;) {
    T value;
    std::memcpy(&value, &old, sizeof value);
    const T next = flushes ? add_flushed(value, b) : combine(action, value, b, c);
    Bits next_bits;
    std::memcpy(&next_bits, &next, sizeof next_bits);
    if (__atomic_compare_exchange_n(place, &old, next_bits, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_RELAXED))
      return value;
  }
}

inline Action action_of(const Decoder& d) {
  static constexpr std::pair<std::string_view, Action> names[] = {
      {"add", Action::add},        {"min", Action::min},       {"max", Action::max},
      {"exch", Action::exch},      {"cas", Action::cas},       {"and", Action::conjunction},
      {"or", Action::disjunction}, {"xor", Action::exclusive}, {"inc", Action::inc},
      {"dec", Action::dec}};
  for (const auto& [name, action] : names)
    if (d.has(name)) return action;
  throw NotImplemented{"unknown atomic operation"};
}

}  // namespace cuemu
