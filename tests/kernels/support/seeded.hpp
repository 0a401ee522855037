// SPDX-License-Identifier: MIT
// Numbers of a name and a place, as tests/golden/networks/seeded.py has them, which says how they are made.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace foldconv::kernel_tests::seeded {

struct Limits {
  float half = 1, centre = 0;
};

std::vector<float> uniform(std::string_view name, std::size_t count, Limits limits = {});
// Rows of `products` weights each, that add up to 0 but for rounding.
std::vector<float> weights(std::string_view name, std::size_t count, std::size_t products,
                           double size = 1);
// n, c, h, w; multiples of 32.
std::vector<float> pictures(std::string_view name, int n, int c, int h, int w);

}  // namespace foldconv::kernel_tests::seeded
