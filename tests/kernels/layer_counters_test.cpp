// SPDX-License-Identifier: MIT
// What the layers that are no convolution move, counted by the emulator: DRAM sees the compulsory bytes, sectors are whole.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cuemu.h"
#include "kernels/support/test_layer.hpp"
#include "layer/affine.hpp"
#include "layer/binary.hpp"
#include "layer/copy.hpp"
#include "layer/lrn.hpp"
#include "layer/pool.hpp"
#include "layer/preprocess.hpp"
#include "layer/softmax.hpp"

namespace foldconv::kernel_tests {
namespace {

class LayerCounters : public testing::Test {
 protected:
  void SetUp() override {
    if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  }

  static harness::Bytes zeros(std::int64_t count) {
    return harness::Bytes(static_cast<std::size_t>(count));
  }
  static cuemu_counters count(const host::Layer& layer, std::int64_t x, std::int64_t z,
                              std::int64_t y) {
    LayerRun run{.x = zeros(x),
                 .z = zeros(z),
                 .y_bytes = static_cast<std::size_t>(y),
                 .guards = Guards::none};
    cuemu_counters counters{};
    cuemu_reset_counters();
    run_layer(layer, run);
    cuemu_read_counters(&counters);
    EXPECT_EQ(counters.launches, 1u);
    EXPECT_LE(counters.ctas, layer.shape().grid);
    const double moved =
        static_cast<double>(counters.global_load.unique_bytes + counters.global_store.unique_bytes);
    EXPECT_LE(moved, 1.05 * layer.cost().dram_bytes) << layer.kernel();
    EXPECT_GE(moved, layer.cost().dram_bytes) << layer.kernel();
    EXPECT_EQ(counters.shared_load.wavefronts, counters.shared_load.ideal_wavefronts)
        << layer.kernel();
    EXPECT_EQ(counters.shared_store.wavefronts, counters.shared_store.ideal_wavefronts)
        << layer.kernel();
    return counters;
  }
  static void expect_whole_sectors(const cuemu_counters& counters) {
    EXPECT_EQ(counters.global_load.sectors, counters.global_load.ideal_sectors);
    EXPECT_EQ(counters.global_store.sectors, counters.global_store.ideal_sectors);
  }
};

TEST_F(LayerCounters, PoolReadsXOnceAndInPieces) {
  const host::PoolProblem problem{
      .h = 20, .w = 20, .c = 64, .window = {3, 3}, .stride = {2, 2}, .pad = {1, 1, 1, 1}};
  const cuemu_counters counters =
      count(value_of(host::plan_pool(problem)), 20 * 20 * 128, 0, 10 * 10 * 128);
  expect_whole_sectors(counters);
  EXPECT_EQ(counters.integer_divisions, 0u);
  // Nine taps, less those above and to the left.
  EXPECT_EQ(counters.global_load.bytes, (9u * 100 - 3 * 20 + 1) * 128);
  // Windows apart from each other leave something out.
  count(value_of(host::plan_pool({.h = 21, .w = 21, .c = 64, .stride = {3, 3}})), 21 * 21 * 128, 0,
        7 * 7 * 128);
}

TEST_F(LayerCounters, NormalisationReadsXOnce) {
  const host::LrnProblem problem{
      .pixels_per_image = 55, .c = 64, .size = 5, .alpha = 1, .beta = 0.75f};
  const cuemu_counters counters = count(value_of(host::plan_lrn(problem)), 55 * 128, 0, 55 * 128);
  EXPECT_EQ(counters.global_store.sectors, counters.global_store.ideal_sectors);
  EXPECT_EQ(counters.integer_divisions, 0u);
  // Windows of five and the value once more, less those in front of and behind the channels.
  EXPECT_EQ(counters.global_load.bytes, (6u * 64 - 6) * 55 * 2);
}

TEST_F(LayerCounters, GlobalPoolReadsXOnce) {
  host::PoolProblem problem{
      .h = 14, .w = 13, .c = 192, .kind = host::PoolProblem::Kind::average, .window = {14, 13}};
  const cuemu_counters counters =
      count(value_of(host::plan_pool(problem)), 14 * 13 * 192 * 2, 0, 192 * 2);
  expect_whole_sectors(counters);
  EXPECT_EQ(counters.ctas, 3u);
  EXPECT_EQ(counters.integer_divisions, 0u);
  problem.c = 37;  // rows of x that are no whole sectors
  count(value_of(host::plan_pool(problem)), 14 * 13 * 37 * 2, 0, 37 * 2);
}

TEST_F(LayerCounters, Softmax) {
  count(value_of(host::plan_softmax({.outer = 4, .length = 1000})), 8000, 0, 8000);
  count(value_of(host::plan_softmax({.outer = 4, .length = 16, .inner = 400})), 51200, 0, 51200);
}

TEST_F(LayerCounters, BinaryInPieces) {
  host::BinaryProblem gate;
  gate.op = host::BinaryProblem::Op::multiply;
  gate.extents = {1, 14, 14, 96};
  gate.x_strides = {14 * 14 * 96, 14 * 96, 96, 1};
  gate.z_strides = {96, 0, 0, 1};
  gate.batched = true;
  const cuemu_counters counters =
      count(value_of(host::plan_binary(gate)), 196 * 192, 192, 196 * 192);
  expect_whole_sectors(counters);
  EXPECT_EQ(counters.global_store.instructions, (196u * 12 + 31) / 32);
  EXPECT_EQ(counters.integer_divisions, 0u);
}

TEST_F(LayerCounters, AffineInPieces) {
  const DeviceBuffer scale(96 * sizeof(float), Guards::none), shift(scale.bytes(), Guards::none);
  const cuemu_counters counters =
      count(value_of(host::plan_affine({.pixels_per_image = 196,
                                        .c = 96,
                                        .scale = static_cast<const float*>(scale.data()),
                                        .shift = static_cast<const float*>(shift.data())})),
            196 * 192, 0, 196 * 192);
  EXPECT_EQ(counters.global_store.instructions, (196u * 12 + 31) / 32);
  EXPECT_EQ(counters.integer_divisions, 0u);
}

// Both ways through a transpose: whole sectors on both sides.
TEST_F(LayerCounters, TransposesMoveWholeSectors) {
  host::CopyProblem problem;
  problem.axes = {{.extent = 256, .y_stride = 96, .x_stride = 1, .x_extent = 256},
                  {.extent = 96, .y_stride = 1, .x_stride = 256, .x_extent = 96}};
  for (const DataType from : kEveryType) {
    for (const DataType to : kEveryType) {
      problem.from = from;
      problem.to = to;
      const host::Layer layer = value_of(host::plan_copy(problem));
      const auto elements = std::int64_t{256 * 96};
      const cuemu_counters counters =
          count(layer, elements * static_cast<std::int64_t>(size_of(from)), 0,
                elements * static_cast<std::int64_t>(size_of(to)));
      expect_whole_sectors(counters);
      EXPECT_EQ(counters.integer_divisions, 0u);
    }
  }
}

TEST_F(LayerCounters, CopiesInPieces) {
  // A slice of channels.
  host::CopyProblem slice;
  slice.axes = {{.extent = 10, .y_stride = 80 * 64, .x_stride = 80 * 128, .x_extent = 10},
                {.extent = 80, .y_stride = 64, .x_stride = 128, .x_extent = 80},
                {.extent = 64, .y_stride = 1, .x_stride = 1, .x_begin = 32, .x_extent = 128}};
  cuemu_counters counters = count(value_of(host::plan_copy(slice)), 800 * 256, 0, 800 * 128);
  expect_whole_sectors(counters);
  EXPECT_EQ(counters.global_store.instructions, 800u * 8 / 32);
  // Upsampling.
  host::CopyProblem twice;
  twice.axes = {
      {.extent = 20, .y_stride = 20 * 64, .x_stride = 10 * 64, .x_extent = 10, .divide = 2},
      {.extent = 20, .y_stride = 64, .x_stride = 64, .x_extent = 10, .divide = 2},
      {.extent = 64, .y_stride = 1, .x_stride = 1, .x_extent = 64}};
  counters = count(value_of(host::plan_copy(twice)), 100 * 128, 0, 400 * 128);
  expect_whole_sectors(counters);
  EXPECT_EQ(counters.global_store.instructions, 400u * 8 / 32);
  // Few channels: NCHW -> NHWC.
  host::CopyProblem few;
  few.axes = {{.extent = 1024, .y_stride = 3, .x_stride = 1, .x_extent = 1024},
              {.extent = 3, .y_stride = 1, .x_stride = 1024, .x_extent = 3}};
  count(value_of(host::plan_copy(few)), 6144, 0, 6144);
}

TEST_F(LayerCounters, PreprocessInPieces) {
  for (const auto layout : {PixelLayout::nchw, PixelLayout::nhwc}) {
    const cuemu_counters counters =
        count(value_of(host::plan_preprocess(
                  {.h = 32,
                   .w = 32,
                   .c = 3,
                   .format = {.layout = layout, .type = PixelType::u8, .mean = {1, 1, 1, 1}}})),
              3 * 1024, 0, 6 * 1024);
    EXPECT_EQ(counters.global_store.sectors, counters.global_store.ideal_sectors);
    EXPECT_EQ(counters.global_store.instructions, 3u * 1024 / 8 / 32);
  }
}

}  // namespace
}  // namespace foldconv::kernel_tests
