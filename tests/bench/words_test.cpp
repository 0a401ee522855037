// SPDX-License-Identifier: MIT
#include "harness/words.hpp"

#include <gtest/gtest.h>

namespace foldconv::harness {
namespace {

TEST(Words, TheNearestIsTheOneThatWasMeant) {
  const std::vector<std::string> commands = {"classify", "run",     "inspect",     "validate",
                                             "bench",    "explain", "record-cudnn"};
  for (const auto& [typed, meant] : {std::pair{"benhc", "bench"},
                                     {"ebnch", "bench"},
                                     {"bench", "bench"},
                                     {"BENCH", "bench"},
                                     {"bnch", "bench"},
                                     {"benches", "bench"},
                                     {"run ", "run"},
                                     {"rum", "run"},
                                     {"validat", "validate"},
                                     {"record", "record-cudnn"},
                                     {"valid", "validate"},
                                     // nobody's
                                     {"measure", ""},
                                     {"", ""},
                                     {"x", ""},
                                     {"nur", ""},
                                     {"hcneb", ""}}) {
    EXPECT_EQ(nearest(typed, commands), meant) << typed;
  }
  EXPECT_EQ(nearest("bench", {}), "");
  EXPECT_EQ(nearest(std::string(100'000, 'b'), commands), "");
}

TEST(Words, OfEquallyNearOnesTheFirst) {
  EXPECT_EQ(nearest("f14", {"f16", "f12", "f32"}), "f16");
  EXPECT_EQ(nearest("resnet", {"groups", "resnet50_blocks", "resnet50"}), "resnet50");
  EXPECT_EQ(nearest("resn", {"groups", "resnet50_blocks", "resnet50"}), "resnet50_blocks");
}

TEST(Words, InMessages) {
  EXPECT_EQ(joined({}), "");
  EXPECT_EQ(joined({"a", "b"}), "a, b");
  EXPECT_EQ(did_you_mean("tials", {"whole", "tails"}), "; did you mean tails?");
  EXPECT_EQ(did_you_mean("cold", {"whole", "tails"}), "");
}

}  // namespace
}  // namespace foldconv::harness
