// SPDX-License-Identifier: MIT
// Kernels side by side, as a user asks for them.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/kernels_named.hpp"
#include "report/text.hpp"
#include "started_tool.hpp"

namespace foldconv {
namespace {

using test::foldconv;
using test::has;
using test::longest_line;
using test::Outcome;

const std::vector<std::string> kAll = test::kernels_named("conv_rxs_f16_");
const std::string kA = kAll.front(), kB = kAll.back();
const std::string kOf1x1 = test::kernels_named("conv_1x1_f16_").front();
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
       {kA, kB, std::string("; vs first: times over those of the first kernel that takes"),
        kOf1x1 + "    not possible: takes 1x1 filters only", std::string("1 of 1 problem right"),
        "over that of " + kA}) {
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
      json_of("bench --kernel 'conv_rxs_f[1]6_*' --impl planned,separate" + kProblem);
  std::vector<std::string> ways, wanted = kAll;
  for (const auto& row : document["rows"]) ways.push_back(row["way"]);
  wanted.insert(wanted.end(), {"planned", "separate"});
  EXPECT_EQ(ways, wanted);
  EXPECT_EQ(document["rows"][0]["baseline"], true);
}

// What it does with one is as ever.
TEST(KernelComparison, APatternOfOneKernelPinsIt) {
  const auto rows = json_of("bench --impl planned --kernel 'direct_*'" + kProblem)["rows"];
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["way"], "planned");
  EXPECT_EQ(rows[0]["kernel"], "direct_f16_sm80");
  EXPECT_EQ(json_of("bench --dtype bf16 --impl planned --kernel 'direct_*'" +
                    kProblem)["rows"][0]["kernel"],
            "direct_bf16_sm80");
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

std::string kernel_of_plan() {
  const auto document = json_of("explain --model a100" + kProblem);
  for (const auto& row : document["rows"]) {
    if (row["chosen"] == true) return row["kernel"];
  }
  ADD_FAILURE() << "none is chosen";
  return "";
}

// A line of explain's table, whose names are so wide.
std::string line_of(std::string name, std::size_t width, const nlohmann::json& row) {
  name.resize(width, ' ');
  std::string costs;
  for (const char* cost : {"floor_us", "floor_over_first", "dram_us", "l2_us", "units_us",
                           "shared_memory_us", "chain_us"}) {
    const std::string value = tool::fixed(row[cost].get<double>(), 2);
    costs += std::string(9 - value.size(), ' ') + value;
  }
  return "  " + name + costs + "\n";
}

TEST(KernelComparison, ExplainSaysWhatEachCosts) {
  const std::string taken = kernel_of_plan(), other = taken == kB ? kA : kB;
  const std::string arguments = "explain --kernel " + other + "," + kOf1x1 + "," + taken + kProblem;
  const auto rows = json_of(arguments + " --model a100")["rows"];
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0]["kernel"], other);
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
  // As by itself.
  EXPECT_EQ(rows[0]["floor_us"],
            json_of("explain --model a100 --kernel " + other + kProblem)["rows"][0]["floor_us"]);
  const Outcome table = foldconv(arguments + " --model a100");
  EXPECT_EQ(table.exit_code, 0) << table.out;
  const std::size_t width = std::max({other.size(), taken.size(), kOf1x1.size()}) + 2;
  EXPECT_TRUE(has(table.out, line_of(other, width, rows[0]))) << table.out;
  EXPECT_TRUE(has(table.out, line_of(taken + " *", width, rows[2]))) << table.out;
  EXPECT_EQ(table.out.find("by the model"), table.out.rfind("by the model")) << table.out;
  for (const std::string& part :
       {other + "   ", taken + " *", kOf1x1 + "  not possible: takes 1x1 filters only",
        std::string("registers")}) {
    EXPECT_TRUE(has(table.out, part)) << part << table.out;
  }
  EXPECT_LE(longest_line(table.out), 120U) << table.out;
  EXPECT_FALSE(has(table.out, "direct_f16_sm80")) << table.out;  // of others nothing is said
}

TEST(KernelComparison, OfOtherInstructionsThanThoseAskedForIsRefused) {
  const std::string arguments = " explain --instructions sm90 --format json --kernel " + kA +
                                ",'conv_wgmma_f16_*' mb8_ic256oc256_ih14kh3ph1";
  const Outcome outcome = test::shell("CUEMU_ARCH=90 " + test::tool() + arguments);
  const auto document = nlohmann::json::parse(outcome.out, nullptr, false);
  if (outcome.exit_code != 0 && !has(outcome.out, "emulated")) GTEST_SKIP() << "this GPU has none";
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  int chosen = 0;
  for (const auto& row : document["rows"]) {
    const bool refused = has(row["reason"], "is of other instructions than those asked for");
    EXPECT_EQ(refused, row["kernel"] == kA) << row;
    chosen += row["chosen"] == true ? 1 : 0;
  }
  EXPECT_EQ(chosen, 1) << "plan() takes one of them, asked for the same: " << outcome.out;
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
       {std::pair{kA + "," + kA, std::string("named twice")},
        {kA + ",", "a comma too many"},
        {kA + "," + kB.substr(0, kB.size() - 1), "did you mean " + kB + "?"},
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
