// SPDX-License-Identifier: MIT
#include "measure/model.hpp"

#include <gtest/gtest.h>

namespace foldconv::tool {
namespace {

// Round figures, so that floors can be worked out by hand.
constexpr GpuModel kRound = {"round", "Round GPU", "80", 1e12, 100e12, 10e12};

TEST(Model, NamesAreFound) {
  EXPECT_EQ(model_names(), (std::vector<std::string>{"h100", "a100"}));
  for (const std::string& name : model_names()) {
    ASSERT_NE(find_model(name), nullptr);
    EXPECT_EQ(find_model(name)->name, name);
  }
  EXPECT_EQ(find_model("v100"), nullptr);
  EXPECT_EQ(find_model(""), nullptr);
}

TEST(Model, WithoutANameTheArchitectureChooses) {
  EXPECT_STREQ(choose_model("h100", "80").name, "h100");
  EXPECT_STREQ(choose_model("", "80").name, "a100");
  EXPECT_STREQ(choose_model("", "90").name, "h100");
  EXPECT_STREQ(choose_model("", "120").name, "h100");
}

TEST(Model, FiguresAreReadable) {
  EXPECT_EQ(find_model("h100")->figures(), "3.00 TB/s, 800 TFLOP/s fp16 tensor, 60 TFLOP/s fp32");
}

TEST(FloorTime, TheSlowestResourceLimitsALaunch) {
  const Floor memory = floor_time(kRound, {{.dram_bytes = 4'000'000, .mma_flops = 100'000'000}});
  EXPECT_DOUBLE_EQ(memory.seconds, 4e-6);
  EXPECT_EQ(memory.limit, Limit::memory);

  const Floor tensor = floor_time(kRound, {{.dram_bytes = 1'000'000, .mma_flops = 500'000'000}});
  EXPECT_DOUBLE_EQ(tensor.seconds, 5e-6);
  EXPECT_EQ(tensor.limit, Limit::tensor);

  const Floor fp32 = floor_time(
      kRound, {{.dram_bytes = 1'000'000, .mma_flops = 500'000'000, .fma_flops = 60'000'000}});
  EXPECT_DOUBLE_EQ(fp32.seconds, 6e-6);
  EXPECT_EQ(fp32.limit, Limit::fp32);
}

TEST(FloorTime, LaunchesAddUpAndTheLongestNamesTheLimit) {
  // Separate launches cannot overlap: 3 us of memory, then 2 us of tensor cores, are 5 us.
  const Floor floor = floor_time(kRound, {{.dram_bytes = 3'000'000}, {.mma_flops = 200'000'000}});
  EXPECT_DOUBLE_EQ(floor.seconds, 5e-6);
  EXPECT_EQ(floor.limit, Limit::memory);
}

TEST(FloorTime, NothingTakesNoTime) {
  EXPECT_EQ(floor_time(kRound, {}).seconds, 0);
}

TEST(TrafficSums, AddEveryCounter) {
  Traffic sum{.launches = 1,
              .dram_bytes = 2,
              .mma_instructions = 3,
              .mma_flops = 4,
              .fma_flops = 5,
              .shared_wavefronts = 6,
              .ideal_shared_wavefronts = 4};
  sum += sum;
  EXPECT_EQ(sum.launches, 2U);
  EXPECT_EQ(sum.dram_bytes, 4U);
  EXPECT_EQ(sum.mma_instructions, 6U);
  EXPECT_EQ(sum.mma_flops, 8U);
  EXPECT_EQ(sum.fma_flops, 10U);
  EXPECT_DOUBLE_EQ(sum.wavefronts_over_ideal(), 1.5);
  EXPECT_EQ(Traffic{}.wavefronts_over_ideal(), 0);
}

}  // namespace
}  // namespace foldconv::tool
