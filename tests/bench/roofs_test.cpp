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
  EXPECT_EQ(memory.limit, CostTerm::dram);
  const Floor tensor = floor_of({.bytes = 4e6, .flops = 500e6}, round_roofs());
  EXPECT_DOUBLE_EQ(tensor.seconds, 5e-6);
  EXPECT_EQ(tensor.limit, CostTerm::tensor_cores);
}

TEST(Roofs, AnAbsentRoofDoesNotCount) {
  Roofs roofs = round_roofs();
  roofs.gemm = {};
  const Floor by_copy = floor_of({.bytes = 4e6, .flops = 500e6}, roofs);
  EXPECT_DOUBLE_EQ(by_copy.seconds, 4e-6);
  EXPECT_EQ(by_copy.limit, CostTerm::dram);
  roofs.copy = {};
  EXPECT_EQ(floor_of({.bytes = 4e6, .flops = 500e6}, roofs).seconds, 0);
  roofs.gemm.rate = 100e12;
  EXPECT_DOUBLE_EQ(floor_of({.bytes = 4e6, .flops = 500e6}, roofs).seconds, 5e-6);
}

// 1 TB/s, 5 TB/s, 100 TFLOP/s, 10 TFLOP/s, 1 us; 10 SMs.
constexpr auto round_model = [] {
  return DeviceSpeed{.bytes_per_second = 1e12,
                     .l2_bytes_per_second = 5e12,
                     .flops_per_second = 100e12,
                     .simt_flops_per_second = 10e12,
                     .clocks_per_second = 1e9,
                     .multiprocessors = 10,
                     .product_clocks = 20,
                     .launch_seconds = 1e-6};
};

TEST(Roofs, OfAModelAreItsRates) {
  const Roofs roofs = roofs_of(round_model(), "Round GPU");
  EXPECT_EQ(roofs.copy.rate, 1e12);
  EXPECT_EQ(roofs.gemm.rate, 100e12);
  EXPECT_EQ(roofs.copy.how, "model of Round GPU");
}

TEST(FloorOfLaunches, TheSlowestResourceLimitsALaunch) {
  const auto expect = [](const LaunchCost& launch, double seconds, CostTerm limit) {
    const Floor floor = floor_of({launch}, round_model());
    EXPECT_DOUBLE_EQ(floor.seconds, seconds);
    EXPECT_EQ(floor.limit, limit);
  };
  expect({.dram_bytes = 4e6, .executed_flops = 100e6, .tiles = 10}, 5e-6, CostTerm::dram);
  expect({.dram_bytes = 1e6, .executed_flops = 500e6, .tiles = 10}, 6e-6, CostTerm::tensor_cores);
  // Half of the SMs have nothing to do.
  expect({.dram_bytes = 1e6, .executed_flops = 500e6, .tiles = 5}, 11e-6, CostTerm::tensor_cores);
  expect({.tensor_cores = false, .dram_bytes = 1e6, .executed_flops = 60e6, .tiles = 10}, 7e-6,
         CostTerm::fp32_units);
}

TEST(FloorOfLaunches, LaunchesAddUpAndTheLongestNamesTheLimit) {
  // They cannot overlap: 3 us of memory, 2 us of tensor cores and two launches are 7 us.
  const Floor floor =
      floor_of({{.dram_bytes = 3e6}, {.executed_flops = 200e6, .tiles = 10}}, round_model());
  EXPECT_DOUBLE_EQ(floor.seconds, 7e-6);
  EXPECT_EQ(floor.limit, CostTerm::dram);
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
