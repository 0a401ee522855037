// SPDX-License-Identifier: MIT
// A layer that is no convolution with data: run into a poisoned y and compared with the oracle's, and the first images of
// a batch with the bits of a plan for so many.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "harness/oracle/layers.hpp"
#include "harness/oracle/rounding.hpp"
#include "kernels/support/device_buffer.hpp"
#include "layer/layer.hpp"

namespace foldconv::kernel_tests {

inline constexpr DataType kEveryType[] = {DataType::f16, DataType::bf16, DataType::f32};

// Values of the dtype between -4 and 4.
std::vector<float> random_values(DataType dtype, std::size_t count, std::uint64_t seed);

// Such values times powers of two between 2^-10 and 2^6: their sums in fp32 are not exact, so that the order shows.
std::vector<float> spread_values(DataType dtype, std::size_t count, std::uint64_t seed);

struct LayerRun {
  harness::Bytes x, z;      // z may be empty
  std::size_t y_bytes = 0;  // of all images
  int images = 1;
  bool in_place = false;  // y is x's buffer
  Guards guards = Guards::shifted;
};

// The bytes of y. Throws if it fails; reports a test failure if an input or a guard band changed.
harness::Bytes run_layer(const host::Layer& layer, const LayerRun& run);

// Reports a test failure unless every element is within the bound.
void expect_layer(const oracle::Expected& expected, DataType dtype, const harness::Bytes& y);

// Reports a test failure unless a plan for 3 images gives its first two and its first one the bits of plans for so many,
// leaves the rest of y alone, and computes the last image as a plan for one does. plan(n) is the layer for n images; x and z
// are of 3 images.
void expect_batch_invariance(const std::function<host::Layer(int)>& plan, const LayerRun& three);

}  // namespace foldconv::kernel_tests
