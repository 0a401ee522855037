// SPDX-License-Identifier: MIT
#include "commands/kernel_choice.hpp"

#include <gtest/gtest.h>

#include "harness/caught.hpp"
#include "harness/words.hpp"

namespace foldconv::tool {
namespace {

using harness::message_of;
using Kernels = std::vector<std::string>;

const std::vector<KernelInfo> kKnown = {
    {.name = "conv_1x1_f16_a", .dtype = DataType::f16},
    {.name = "conv_1x1_f16_b", .dtype = DataType::f16},
    {.name = "conv_rxs_f16_a", .dtype = DataType::f16},
    {.name = "conv_1x1_bf16_a", .dtype = DataType::bf16},
    {.name = "direct_f16", .family = KernelFamily::direct, .dtype = DataType::f16}};

Kernels meant(const std::string& list, DataType dtype = DataType::f16) {
  return kernels_meant(harness::words_between_commas(list), dtype, kKnown);
}

std::string complaint_about(const std::string& list, DataType dtype = DataType::f16) {
  return message_of([&] { meant(list, dtype); }, ErrorCode::invalid_argument);
}

TEST(KernelChoice, NamesStandInTheirOrder) {
  EXPECT_EQ(meant("direct_f16"), Kernels{"direct_f16"});
  EXPECT_EQ(meant("direct_f16,conv_1x1_f16_a"), (Kernels{"direct_f16", "conv_1x1_f16_a"}));
  EXPECT_EQ(meant(""), Kernels{});
  // Of another type it is compared, too, and then refused.
  EXPECT_EQ(meant("conv_1x1_bf16_a,direct_f16"), (Kernels{"conv_1x1_bf16_a", "direct_f16"}));
}

TEST(KernelChoice, APatternIsThoseOfTheTypeThatMatchEachOnce) {
  EXPECT_EQ(meant("conv_1x1_*"), (Kernels{"conv_1x1_f16_a", "conv_1x1_f16_b"}));
  EXPECT_EQ(meant("conv_1x1_*", DataType::bf16), Kernels{"conv_1x1_bf16_a"});
  EXPECT_EQ(meant("conv_???_f16_a"), (Kernels{"conv_1x1_f16_a", "conv_rxs_f16_a"}));
  EXPECT_EQ(meant("*_[b-z]"), Kernels{"conv_1x1_f16_b"});
  EXPECT_EQ(meant("conv_1x1_f16_b,conv_1x1_*"), (Kernels{"conv_1x1_f16_b", "conv_1x1_f16_a"}));
  EXPECT_EQ(meant("*"),
            (Kernels{"conv_1x1_f16_a", "conv_1x1_f16_b", "conv_rxs_f16_a", "direct_f16"}));
}

TEST(KernelChoice, MistakesAreNamed) {
  EXPECT_EQ(complaint_about("direct_f16,conv_1x1_f16_c"),
            "there is no kernel \"conv_1x1_f16_c\"; did you mean conv_1x1_f16_a?");
  EXPECT_EQ(complaint_about("direct_f16,direct_f16"),
            "kernel \"direct_f16\" is named twice; name another one, or it alone");
  for (const char* list : {",", "direct_f16,", ",direct_f16", "direct_f16,,conv_1x1_f16_a"}) {
    EXPECT_EQ(complaint_about(list),
              "\"" + std::string(list) + "\" has a comma too many; write A,B");
  }
  EXPECT_EQ(complaint_about("wgmma*"),
            "no kernel of f16 matches \"wgmma*\"; foldconv explain DESCRIPTOR names those that are "
            "there");
  EXPECT_EQ(complaint_about("conv_*", DataType::f32),
            "no kernel of f32 matches \"conv_*\", but conv_1x1_f16_a does; see --dtype");
}

TEST(KernelChoice, ThoseOfLayersCanBePinned) {
  std::size_t direct = 0;
  for (const KernelInfo& kernel : layer_kernels()) {
    EXPECT_FALSE(kernel.name.starts_with("block_")) << kernel.name;
    direct += kernel.family == KernelFamily::direct ? 1U : 0U;
  }
  EXPECT_EQ(direct, 3U);
}

}  // namespace
}  // namespace foldconv::tool
