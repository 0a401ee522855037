// SPDX-License-Identifier: MIT
#include "kernels/support/seeded.hpp"

#include <cmath>
#include <string>

namespace foldconv::kernel_tests::seeded {
namespace {

std::uint32_t hash(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x21f0aaad;
  x ^= x >> 15;
  x *= 0x735a2d97;
  return x ^ (x >> 15);
}

std::uint32_t fnv1a(std::string_view text) {
  std::uint32_t value = 0x811c9dc5;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x01000193;
  return value;
}

std::vector<std::int32_t> integers(std::string_view name, std::size_t count) {
  const std::uint32_t seed = fnv1a(name);
  std::vector<std::int32_t> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t bits = hash(hash(static_cast<std::uint32_t>(i)) ^ seed);
    values[i] = static_cast<std::int32_t>(bits >> 8) - (1 << 23);
  }
  return values;
}

}  // namespace

std::vector<float> uniform(std::string_view name, std::size_t count, Limits limits) {
  const float unit = static_cast<float>(limits.half * 0x1p-23);
  std::vector<float> values;
  for (const std::int32_t value : integers(name, count)) {
    // Two roundings, whatever the compiler would make of a sum of products.
    const volatile float scaled = static_cast<float>(value) * unit;
    values.push_back(scaled + limits.centre);
  }
  return values;
}

std::vector<float> weights(std::string_view name, std::size_t count, std::size_t products,
                           double size) {
  std::vector<std::int32_t> raw = integers(name, count);
  const auto row = static_cast<std::int64_t>(products);
  const float unit =
      static_cast<float>(size * 3 / std::sqrt(static_cast<double>(products)) * 0x1p-23);
  std::vector<float> values;
  for (std::size_t begin = 0; begin < count; begin += products) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < products; ++i) sum += raw[begin + i];
    const std::int64_t mean = sum / row - (sum % row < 0 ? 1 : 0);  // rounded down
    for (std::size_t i = 0; i < products; ++i)
      values.push_back(static_cast<float>(raw[begin + i] - static_cast<std::int32_t>(mean)) * unit);
  }
  return values;
}

std::vector<float> pictures(std::string_view name, int n, int c, int h, int w) {
  const std::string prefix(name);
  const auto maps = static_cast<std::size_t>(n) * static_cast<std::size_t>(c);
  const auto rows = static_cast<std::size_t>(h), columns = static_cast<std::size_t>(w);
  const std::vector<float> level = uniform(prefix + ".level", maps);
  const std::vector<float> patches =
      uniform(prefix + ".patches", maps * (rows / 32) * (columns / 32));
  std::vector<float> values = uniform(prefix + ".noise", maps * rows * columns);
  for (std::size_t map = 0; map < maps; ++map) {
    for (std::size_t y = 0; y < rows; ++y) {
      for (std::size_t x = 0; x < columns; ++x) {
        const float base =
            level[map] + patches[(map * (rows / 32) + y / 32) * (columns / 32) + x / 32];
        float& value = values[(map * rows + y) * columns + x];
        value = base + value;
      }
    }
  }
  return values;
}

}  // namespace foldconv::kernel_tests::seeded
