// SPDX-License-Identifier: MIT
// Floors and shares, and roofs that are not there.
#include "measure/roofs.hpp"

#include <gtest/gtest.h>

namespace foldconv::tool {
namespace {

// 1 TB/s, 100 TFLOP/s.
Roofs round_roofs() {
  Roofs roofs;
  roofs.copy.rate = 1e12;
  roofs.gemm.rate = 100e12;
  return roofs;
}

TEST(Roofs, TheSlowerResourceIsTheFloor) {
  const Floor memory = floor_of({.bytes = 4e6, .flops = 100e6}, round_roofs());
  EXPECT_DOUBLE_EQ(memory.seconds, 4e-6);
  EXPECT_EQ(memory.limit, Limit::memory);
  const Floor tensor = floor_of({.bytes = 4e6, .flops = 500e6}, round_roofs());
  EXPECT_DOUBLE_EQ(tensor.seconds, 5e-6);
  EXPECT_EQ(tensor.limit, Limit::tensor);
}

TEST(Roofs, AnAbsentRoofDoesNotCount) {
  Roofs roofs = round_roofs();
  roofs.gemm = {};
  const Floor by_copy = floor_of({.bytes = 4e6, .flops = 500e6}, roofs);
  EXPECT_DOUBLE_EQ(by_copy.seconds, 4e-6);
  EXPECT_EQ(by_copy.limit, Limit::memory);
  roofs.copy = {};
  EXPECT_EQ(floor_of({.bytes = 4e6, .flops = 500e6}, roofs).seconds, 0);
  roofs.gemm.rate = 100e12;
  EXPECT_DOUBLE_EQ(floor_of({.bytes = 4e6, .flops = 500e6}, roofs).seconds, 5e-6);
}

// 1 TB/s, 100 TFLOP/s, 10 TFLOP/s, 1 us.
constexpr auto round_model = [] {
  return DeviceSpeed{.bytes_per_second = 1e12,
                     .flops_per_second = 100e12,
                     .simt_flops_per_second = 10e12,
                     .launch_seconds = 1e-6};
};

TEST(Roofs, OfAModelAreItsRates) {
  const Roofs roofs = roofs_of(round_model(), "Round GPU");
  EXPECT_EQ(roofs.copy.rate, 1e12);
  EXPECT_EQ(roofs.gemm.rate, 100e12);
  EXPECT_EQ(roofs.copy.how, "model of Round GPU");
}

TEST(FloorOfLaunches, TheSlowestResourceLimitsALaunch) {
  const auto expect = [](const LaunchCost& launch, double seconds, Limit limit) {
    const Floor floor = floor_of({launch}, round_model());
    EXPECT_DOUBLE_EQ(floor.seconds, seconds);
    EXPECT_EQ(floor.limit, limit);
  };
  expect({.dram_bytes = 4e6, .flops = 100e6}, 5e-6, Limit::memory);
  expect({.dram_bytes = 1e6, .flops = 500e6}, 6e-6, Limit::tensor);
  expect({.dram_bytes = 1e6, .flops = 500e6, .waves = 0.5}, 11e-6, Limit::tensor);
  expect({.tensor_cores = false, .dram_bytes = 1e6, .flops = 60e6}, 7e-6, Limit::fp32);
}

TEST(FloorOfLaunches, LaunchesAddUpAndTheLongestNamesTheLimit) {
  // They cannot overlap: 3 us of memory, 2 us of tensor cores and two launches are 7 us.
  const Floor floor = floor_of({{.dram_bytes = 3e6}, {.flops = 200e6}}, round_model());
  EXPECT_DOUBLE_EQ(floor.seconds, 7e-6);
  EXPECT_EQ(floor.limit, Limit::memory);
  EXPECT_EQ(floor_of(std::vector<LaunchCost>(), round_model()).seconds, 0);
}

TEST(Roofs, WithoutTheLibraryThereIsAReason) {
  const Roof roof = measure_matrix_product("libno_such_library.so.13");
  EXPECT_FALSE(roof.known());
  EXPECT_NE(roof.reason.find("libno_such_library"), std::string::npos) << roof.reason;
}

// On the device; on the emulator the rate means nothing.
TEST(Roofs, ACopyIsMeasured) {
  const Roof roof = measure_copy(std::size_t{1} << 20);
  EXPECT_TRUE(roof.known()) << roof.reason;
  EXPECT_EQ(roof.how, "cudaMemcpyAsync of 1 MiB, read and written");
}

TEST(Roofs, ACopyThatDoesNotFitHasAReason) {
  const Roof roof = measure_copy(std::size_t{1} << 55);
  EXPECT_FALSE(roof.known());
  EXPECT_NE(roof.reason.find("allocating"), std::string::npos) << roof.reason;
}

}  // namespace
}  // namespace foldconv::tool
