// SPDX-License-Identifier: MIT
#include "kernels/support/test_networks.hpp"

#include <random>

#include "harness/network/run.hpp"

namespace foldconv::kernel_tests {

harness::Bytes seeded_images(std::size_t elements, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> values;
  for (std::size_t i = 0; i < elements; ++i)
    values.push_back(static_cast<float>(random() >> 40) * 0x1p-23f - 1.0f);
  return harness::bytes_of(values);
}

}  // namespace foldconv::kernel_tests
