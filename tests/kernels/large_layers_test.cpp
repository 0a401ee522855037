// SPDX-License-Identifier: MIT
// Layers that are no convolution, of tensors of more than 2^32 elements, of which the last images are computed: their bits
// are those of a plan for these images alone.
#include <functional>
#include <vector>

#include "kernels/support/large_tensors.hpp"
#include "kernels/support/test_layer.hpp"
#include "layer/affine.hpp"
#include "layer/binary.hpp"
#include "layer/copy.hpp"
#include "layer/pool.hpp"
#include "layer/preprocess.hpp"
#include "layer/softmax.hpp"
#include "params/layer_params.hpp"

namespace foldconv::kernel_tests {
namespace {

constexpr int kLastOnes = 2;  // images with data, the last ones of the batch

// Sizes that break pieces of 16 bytes: 2^32 units and more of one element, 3 channels or 1.
constexpr int kManyImages = (1 << 21) + (1 << 17), kSide = 45, kElements = kSide * kSide;
constexpr int kPixels = kElements / 3;
static_assert(std::int64_t{kManyImages} * kElements > std::int64_t{1} << 32);

// What a test says of a layer for n images.
struct LargeLayer {
  std::function<host::Layer(int)> plan;
  std::int64_t units;                          // of an image, as the loop over the grid counts them
  std::int64_t units_per_cta = kLayerThreads;  // at a time
  std::int64_t z_elements = 0, y_elements = kElements;  // of an image; of x: kElements
  int x_bytes = 2;                                      // of an element
};

class LargeLayers : public LargeTensors {
 protected:
  std::byte* allocate_ending_in(int images, const harness::Bytes& last) {
    const auto bytes = static_cast<std::int64_t>(last.size()) / kLastOnes * images;
    std::byte* const tensor = allocate(bytes);
    put(tensor + bytes - static_cast<std::int64_t>(last.size()), last);
    return tensor;
  }

  void expect_same_bits(const LargeLayer& large) {
    const auto last_of = [](std::int64_t elements, int bytes) {
      const auto size = static_cast<std::size_t>(elements * bytes * kLastOnes);
      const harness::Bytes encoded =
          oracle::encode(DataType::f16, random_values(DataType::f16, size / 2, 17));
      return harness::Bytes(encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(size));
    };
    const LayerRun small = {.x = last_of(kElements, large.x_bytes),
                            .z = last_of(large.z_elements, 2),
                            .y_bytes = static_cast<std::size_t>(large.y_elements * 2 * kLastOnes),
                            .images = kLastOnes};
    const harness::Bytes expected = run_layer(large.plan(kLastOnes), small);

    const host::Layer layer = large.plan(kManyImages);
    const std::byte* const x = allocate_ending_in(kManyImages, small.x);
    const std::byte* const z = small.z.empty() ? nullptr : allocate_ending_in(kManyImages, small.z);
    const std::int64_t y_bytes = large.y_elements * 2 * kManyImages;
    std::byte* const y = allocate(y_bytes);
    // The last unit's CTA, of which the last units are neighbours; those of an image, where each is a tile of it.
    const bool tiles = large.units_per_cta == 1;
    const std::int64_t units = tiles ? large.units : large.units_per_cta;
    const std::int64_t end = large.units * kManyImages;
    ASSERT_EQ(end % units, 0);
    const std::int64_t last = (end - 1) % (layer.shape().grid * large.units_per_cta);
    const std::int64_t ctas = tiles ? units : 1;
    const std::int64_t first = last / large.units_per_cta + 1 - ctas;
    ASSERT_GE(first, 0);
    run_ctas(first, static_cast<std::uint64_t>(ctas),
             [&] { check(layer.run({.x = x, .z = z, .y = y}, kManyImages, nullptr)); });
    const auto count = static_cast<std::size_t>(units * large.y_elements / large.units * 2);
    ASSERT_LE(count, expected.size());
    EXPECT_TRUE(get(y + y_bytes - static_cast<std::int64_t>(count), count) ==
                harness::Bytes(expected.end() - static_cast<std::ptrdiff_t>(count), expected.end()))
        << layer.kernel();
  }
};

TEST_F(LargeLayers, Pool) {
  expect_same_bits(
      {.plan =
           [](int n) {
             return value_of(host::plan_pool(
                 {.n = n, .h = kSide, .w = kSide, .c = 1, .window = {2, 1}, .pad = {1, 0, 0, 0}}));
           },
       .units = kElements});
}

TEST_F(LargeLayers, GlobalPool) {
  expect_same_bits({.plan =
                        [](int n) {
                          return value_of(host::plan_pool({.n = n,
                                                           .h = kSide,
                                                           .w = kSide,
                                                           .c = 1,
                                                           .kind = host::PoolProblem::Kind::average,
                                                           .window = {kSide, kSide}}));
                        },
                    .units = 1,
                    .units_per_cta = 1,
                    .y_elements = 1});
}

TEST_F(LargeLayers, Binary) {
  expect_same_bits({.plan =
                        [](int n) {
                          host::BinaryProblem gate;
                          gate.op = host::BinaryProblem::Op::multiply;
                          gate.extents = {n, kPixels, 3};
                          gate.x_strides = {kElements, 3, 1};
                          gate.z_strides = {3, 0, 1};
                          gate.batched = true;
                          return value_of(host::plan_binary(gate));
                        },
                    .units = kElements,
                    .z_elements = 3});
}

TEST_F(LargeLayers, Affine) {
  const std::vector<float> scale = {1, 2, -3};
  const DeviceBuffer array(std::as_bytes(std::span(scale)));
  const auto* floats = static_cast<const float*>(array.data());
  expect_same_bits(
      {.plan =
           [&](int n) {
             return value_of(host::plan_affine(
                 {.n = n, .pixels_per_image = kPixels, .c = 3, .scale = floats, .shift = floats}));
           },
       .units = kElements});
}

// x [n][c][pixels] -> y [n][pixels][c]
host::Layer channels_last(int n, std::int64_t c) {
  const std::int64_t pixels = kElements / c;
  host::CopyProblem problem;
  problem.axes = {{.extent = n, .y_stride = kElements, .x_stride = kElements, .x_extent = n},
                  {.extent = pixels, .y_stride = c, .x_stride = 1, .x_extent = pixels},
                  {.extent = c, .y_stride = 1, .x_stride = pixels, .x_extent = c}};
  problem.batched = true;
  return value_of(host::plan_copy(problem));
}

TEST_F(LargeLayers, Copy) {
  expect_same_bits({.plan = [](int n) { return channels_last(n, 3); }, .units = kElements});
}

TEST_F(LargeLayers, Transpose) {
  expect_same_bits(
      {.plan = [](int n) { return channels_last(n, kSide); }, .units = 4, .units_per_cta = 1});
}

TEST_F(LargeLayers, Softmax) {
  expect_same_bits({.plan =
                        [](int n) {
                          return value_of(host::plan_softmax(
                              {.n = n, .outer = std::int64_t{n} * kPixels, .length = 3}));
                        },
                    .units = kPixels,
                    .units_per_cta = kLayerThreads / 4});
}

TEST_F(LargeLayers, Preprocess) {
  expect_same_bits(
      {.plan =
           [](int n) {
             return value_of(host::plan_preprocess(
                 {.n = n,
                  .h = kPixels,
                  .w = 1,
                  .c = 3,

                  .format = {
                      .layout = PixelLayout::nchw, .type = PixelType::u8, .mean = {1, 2, 3, 4}}}));
           },
       .units = kElements,
       .units_per_cta = kLayerThreads * 8,
       .x_bytes = 1});
}

}  // namespace
}  // namespace foldconv::kernel_tests
