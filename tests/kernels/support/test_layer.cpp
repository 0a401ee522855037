// SPDX-License-Identifier: MIT
#include "kernels/support/test_layer.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace foldconv::kernel_tests {

std::vector<float> random_values(DataType dtype, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::vector<float> values(count);
  for (float& value : values)
    value = round_to(dtype, static_cast<double>(engine() % 65536) / 8192 - 4);
  return values;
}

std::vector<float> spread_values(DataType dtype, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::vector<float> values = random_values(dtype, count, seed + 1);
  for (float& value : values) {
    const int exponent = static_cast<int>(engine() % 17) - 10;
    value = round_to(dtype, std::ldexp(double{value}, exponent));
  }
  return values;
}

harness::Bytes run_layer(const host::Layer& layer, const LayerRun& run) {
  const DeviceBuffer x(run.x, run.guards),
      z(run.z.empty() ? harness::Bytes(16) : run.z, run.guards);
  const DeviceBuffer own(run.in_place ? 16 : run.y_bytes, run.guards);
  const DeviceBuffer& y = run.in_place ? x : own;
  check(layer.run({.x = x.data(), .z = run.z.empty() ? nullptr : z.data(), .y = y.data()},
                  run.images, nullptr));
  check(cudaDeviceSynchronize(), layer.kernel());
  EXPECT_TRUE(run.in_place || x.download() == run.x) << layer.kernel() << " changed x";
  EXPECT_TRUE(run.z.empty() || z.download() == run.z) << layer.kernel() << " changed z";
  return y.download();
}

void expect_layer(const oracle::Expected& expected, DataType dtype, const harness::Bytes& y) {
  const oracle::Comparison comparison = oracle::compare(oracle::decode(dtype, y), expected);
  EXPECT_TRUE(comparison.pass) << to_string(dtype) << ": " << comparison.to_string();
}

void expect_batch_invariance(const std::function<host::Layer(int)>& plan, const LayerRun& three) {
  LayerRun run = three;
  run.images = 3;
  const host::Layer layer = plan(3);
  const harness::Bytes all = run_layer(layer, run);
  const auto begin_of = [](const harness::Bytes& bytes, int image) {
    return bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size()) / 3 * image;
  };
  for (const int images : {1, 2}) {
    run.images = images;
    const harness::Bytes some = run_layer(layer, run);
    EXPECT_TRUE(std::equal(some.begin(), begin_of(some, images), all.begin()))
        << images << " of 3 images, other bits";
    EXPECT_TRUE(
        std::all_of(begin_of(some, images), some.end(),
                    [](std::byte byte) { return byte == std::byte{DeviceBuffer::kPoison}; }))
        << images << " of 3 images, more was written";
  }
  // The last image by itself.
  const auto last_of = [&](const harness::Bytes& bytes) {
    return harness::Bytes(begin_of(bytes, 2), bytes.end());
  };
  const LayerRun one = {.x = last_of(three.x),
                        .z = three.z.empty() ? harness::Bytes() : last_of(three.z),
                        .y_bytes = three.y_bytes / 3};
  EXPECT_TRUE(run_layer(plan(1), one) == last_of(all)) << "another place in the batch, other bits";
}

}  // namespace foldconv::kernel_tests
