// SPDX-License-Identifier: MIT
// Kernels side by side, as a user asks for them.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "started_tool.hpp"

namespace foldconv {
namespace {

using test::foldconv;
using test::has;
using test::longest_line;
using test::Outcome;

const std::string kA = "conv_rxs_f16_32x16x64_st8_sm80", kB = "conv_rxs_f16_64x64x64_st4_sm80";
const std::string kOf1x1 = "conv_1x1_f16_64x64x64_st4_sm80";
const std::string kProblem = " mb1_ic64oc64_ih6kh3ph1";

nlohmann::json json_of(const std::string& arguments, int exit_code = 0) {
  const Outcome outcome = foldconv(arguments + " --format json");
  EXPECT_EQ(outcome.exit_code, exit_code) << arguments << outcome.out;
  return nlohmann::json::parse(outcome.out, nullptr, false);
}

TEST(KernelComparison, BenchShowsThemSideBySide) {
  const std::string arguments = "bench --kernel " + kA + "," + kB + "," + kOf1x1 + kProblem;
  const Outcome table = foldconv(arguments);
  EXPECT_EQ(table.exit_code, 0) << table.out;
  for (const std::string& part :
       {kA, kB, std::string("vs first"), kOf1x1 + "    not possible: takes 1x1 filters only",
        std::string("1 of 1 problem right"), "over that of " + kA}) {
    EXPECT_TRUE(has(table.out, part)) << part << table.out;
  }
  EXPECT_LE(longest_line(table.out), 120U) << table.out;
  const auto document = json_of(arguments);
  const auto& rows = document["rows"];
  ASSERT_EQ(rows.size(), 3U);
  for (std::size_t at = 0; at < 2; ++at) {
    EXPECT_EQ(rows[at]["way"], at == 0 ? kA : kB);
    EXPECT_EQ(rows[at]["kernel"], rows[at]["way"]);
    EXPECT_EQ(rows[at]["launches"], 1);
    EXPECT_EQ(rows[at]["right"], true);
    EXPECT_EQ(rows[at]["baseline"], at == 0);
  }
  EXPECT_TRUE(rows[2]["right"].is_null());
  EXPECT_EQ(rows[2]["reason"], "takes 1x1 filters only: r x s = 3x3; nearest: 1x1");
  if (document["header"]["emulated"] == true) {
    EXPECT_GT(rows[1]["dram_bytes"], 0);
    EXPECT_EQ(document["summary"]["layer_" + kB + "_over_" + kA + "_floor"],
              rows[1]["floor_over_baseline"]);
  }
  const Outcome csv = foldconv(arguments + " --format csv");
  EXPECT_EQ(std::ranges::count(csv.out, '\n'), 4) << csv.out;
  EXPECT_TRUE(has(csv.out, "," + kB + "," + kB + ",")) << csv.out;
}

TEST(KernelComparison, BenchTakesPatternsAndOtherWaysBesideThem) {
  const auto document =
      json_of("bench --kernel 'conv_rxs_f16_32x[13]*' --impl planned,separate" + kProblem);
  std::string ways;
  for (const auto& row : document["rows"]) ways += row["way"].get<std::string>() + " ";
  EXPECT_EQ(ways, "conv_rxs_f16_32x32x64_st6_sm80 " + kA + " planned separate ");
  EXPECT_EQ(document["rows"][0]["baseline"], true);
}

// What it does with one is as ever.
TEST(KernelComparison, APatternOfOneKernelPinsIt) {
  const auto rows = json_of("bench --impl planned --kernel 'direct_*'" + kProblem)["rows"];
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["way"], "planned");
  EXPECT_EQ(rows[0]["kernel"], "direct_f16_sm80");
}

TEST(KernelComparison, ValidateComparesTheirBits) {
  const std::string arguments =
      "validate --kernel " + kA + "," + kOf1x1 + "," + kB + ",direct_f16_sm80" + kProblem;
  const auto rows = json_of(arguments)["rows"];
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_TRUE(rows[0]["same_bits"].is_null());
  EXPECT_TRUE(rows[1]["pass"].is_null());
  EXPECT_EQ(rows[1]["reason"], "takes 1x1 filters only: r x s = 3x3; nearest: 1x1");
  EXPECT_EQ(rows[2]["same_bits"], true);
  EXPECT_EQ(rows[2]["same_bits_as"], kA);
  EXPECT_EQ(rows[2]["same_bits_promised"], true);
  EXPECT_EQ(rows[3]["same_bits_promised"], false);
  for (const std::size_t at : {0U, 2U, 3U}) EXPECT_EQ(rows[at]["pass"], true) << rows[at];
  EXPECT_FALSE(json_of("validate --kernel " + kA + kProblem)["rows"][0].contains("same_bits"));
  const Outcome table = foldconv(arguments);
  EXPECT_EQ(table.exit_code, 0) << table.out;
  EXPECT_TRUE(has(table.out, "   same  ")) << table.out;
  EXPECT_TRUE(has(table.out, "1 of 1 problem passed")) << table.out;
  EXPECT_LE(longest_line(table.out), 120U) << table.out;
}

TEST(KernelComparison, ExplainSaysWhatEachCosts) {
  const std::string arguments = "explain --kernel " + kB + "," + kOf1x1 + "," + kA + kProblem;
  const auto rows = json_of(arguments + " --model a100")["rows"];
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0]["kernel"], kB);
  EXPECT_EQ(rows[0]["floor_over_first"], 1.0);
  EXPECT_GT(rows[0]["registers"], 0);
  EXPECT_EQ(rows[1]["reason"], "takes 1x1 filters only: r x s = 3x3; nearest: 1x1");
  EXPECT_TRUE(rows[1]["floor_us"].is_null());
  EXPECT_TRUE(rows[1]["dram_us"].is_null());
  EXPECT_EQ(rows[2]["chosen"], true);  // by plan() itself
  EXPECT_EQ(rows[2]["floor_over_first"],
            rows[2]["floor_us"].get<double>() / rows[0]["floor_us"].get<double>());
  for (const char* term : {"dram_us", "l2_us", "units_us", "shared_memory_us", "chain_us"}) {
    EXPECT_GT(rows[2][term], 0.0) << term;
    EXPECT_LE(rows[2][term], rows[2]["floor_us"]) << term;
  }
  const Outcome table = foldconv(arguments);
  EXPECT_EQ(table.exit_code, 0) << table.out;
  for (const std::string& part :
       {kB + "   ", kA + " *", kOf1x1 + "  not possible: takes 1x1 filters only",
        std::string("registers")}) {
    EXPECT_TRUE(has(table.out, part)) << part << table.out;
  }
  EXPECT_LE(longest_line(table.out), 120U) << table.out;
  EXPECT_FALSE(has(table.out, "conv_halo"))
      << table.out;  // of those that are not named nothing is said
}

TEST(KernelComparison, AProblemThatNoneTakesIsAFailureOfThatProblemAlone) {
  for (const char* command : {"bench", "validate", "explain"}) {
    const Outcome outcome = foldconv(std::string(command) + " --kernel " + kA + "," + kB +
                                     " --block ih6_ic64mid64oc64 mb1_ic8oc8_ih6kh1" + kProblem);
    EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
    EXPECT_TRUE(has(outcome.out, "is a kernel of single layers")) << outcome.out;
    EXPECT_TRUE(has(outcome.out, "reads one tap a stage")) << outcome.out;
    if (std::string(command) == "explain") continue;
    EXPECT_TRUE(has(outcome.out, "1 of 3 problems ")) << outcome.out;
    EXPECT_TRUE(has(outcome.out, "none of the kernels takes 2 problems")) << outcome.out;
  }
}

TEST(KernelComparison, MistakesExitWith2) {
  for (const auto& [list, part] :
       {std::pair{kA + "," + kA, "named twice"},
        {kA + ",", "a comma too many"},
        {kA + ",conv_rxs_f16_64x64x64_st4_sm8", "did you mean conv_rxs_f16_64x64x64_st4_sm80?"},
        {"'conv_*_bf16_*'", "no kernel of f16 matches"}}) {
    for (const char* command : {"bench", "validate", "explain"}) {
      const Outcome outcome =
          foldconv(std::string(command) + " --kernel " + list + kProblem + " 2>&1");
      EXPECT_EQ(outcome.exit_code, 2) << outcome.out;
      EXPECT_TRUE(has(outcome.out, part)) << outcome.out;
    }
  }
}

}  // namespace
}  // namespace foldconv
