// SPDX-License-Identifier: MIT
// What bench prints, given what was measured.
#include "report/bench_report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "harness/problem/text.hpp"

namespace foldconv::tool {
namespace {

constexpr double kMicrosecond = 1e-6;

Measured measured(const std::string& way, double floor_us) {
  return {.way = {.name = way, .kernels = "a_kernel", .steps = {{.what = "", .launch = {}}}},
          .traffic = {.launches = 1, .dram_bytes = 1000, .mma_instructions = 7},
          .floor = {.seconds = floor_us * kMicrosecond}};
}

// A block whose whole cut is planned, whose tails cut is refused, and whose chain is wrong.
std::vector<Measured> block() {
  std::vector<Measured> all = {measured("whole", 2), measured("tails", 0), measured("chain", 3),
                               measured("separate", 8)};
  all[0].way.planned = true;
  all[1].way.refusal = "takes no such block";
  all[2].wrong = "chain, y: other bits";
  return all;
}

std::string written(Format format, bool& all_right) {
  std::ostringstream out;
  const std::unique_ptr<Writer> writer = make_writer(format, out);
  BenchReport bench(*writer, {}, {Figure::floor}, 8);
  bench.rows(harness::parse_block("ih8_ic8oc8"), block());
  std::vector<Measured> layer = {measured("planned", 1), measured("separate", 2),
                                 measured("direct", 4)};
  layer[0].way.planned = true;
  bench.rows(harness::parse_layer("ic8oc8_ih8kh1"), layer);
  all_right = bench.end();
  return out.str();
}

TEST(BenchReport, EveryWayIsComparedWithWhatPlanTakes) {
  bool all_right = true;
  const auto rows = nlohmann::json::parse(written(Format::json, all_right))["rows"];
  ASSERT_EQ(rows.size(), 7U);
  EXPECT_EQ(rows[0]["baseline"], true);
  EXPECT_EQ(rows[0]["floor_over_baseline"], 1.0);
  EXPECT_EQ(rows[3]["floor_over_baseline"], 4.0);
  EXPECT_EQ(rows[3]["kind"], "block");
  EXPECT_EQ(rows[4]["baseline"], true);
  EXPECT_EQ(rows[5]["floor_over_baseline"], 2.0);
  EXPECT_EQ(rows[5]["kind"], "layer");
  EXPECT_EQ(rows[5]["planned"], false);
}

TEST(BenchReport, MeansAreOfWaysThatEveryProblemOfAKindHas) {
  bool all_right = true;
  const auto summary = nlohmann::json::parse(written(Format::json, all_right))["summary"];
  EXPECT_DOUBLE_EQ(summary["block_separate_over_planned_floor"], 4);
  EXPECT_DOUBLE_EQ(summary["layer_direct_over_planned_floor"], 4);
  EXPECT_FALSE(summary.contains("block_chain_over_planned_floor"));  // wrong
  EXPECT_FALSE(summary.contains("block_whole_over_planned_floor"));  // always the baseline
}

TEST(BenchReport, AWrongResultHasNoFigureAndFailsTheProgram) {
  bool all_right = true;
  const auto document = nlohmann::json::parse(written(Format::json, all_right));
  EXPECT_FALSE(all_right);
  const auto chain = document["rows"][2];
  EXPECT_EQ(chain["right"], false);
  for (const char* figure :
       {"dram_bytes", "mma_instructions", "floor_us", "limit", "floor_over_baseline"}) {
    EXPECT_TRUE(chain[figure].is_null()) << figure;
  }
  EXPECT_EQ(chain["reason"], "chain, y: other bits");
  EXPECT_EQ(document["summary"]["right"], 1);
  const std::string table = written(Format::table, all_right);
  EXPECT_NE(table.find("FAIL chain, y: other bits"), std::string::npos) << table;
}

TEST(BenchReport, ARefusedCutIsNoFailure) {
  bool all_right = true;
  const auto tails = nlohmann::json::parse(written(Format::json, all_right))["rows"][1];
  EXPECT_TRUE(tails["right"].is_null());
  EXPECT_TRUE(tails["floor_us"].is_null());
  EXPECT_EQ(tails["reason"], "takes no such block");
  const std::string table = written(Format::table, all_right);
  EXPECT_NE(table.find("tails           not possible: takes no such block"), std::string::npos)
      << table;
}

// Of a GPU: two ways, the second without a warm time.
std::string timed(Format format, std::vector<Figure> figures, const Roofs& roofs) {
  std::ostringstream out;
  const std::unique_ptr<Writer> writer = make_writer(format, out);
  BenchReport bench(*writer, {}, std::move(figures), 32);
  std::vector<Measured> both = {measured("planned", 0), measured("cudnn-separate", 0)};
  both[0].way.planned = true;
  for (Measured& one : both) {
    one.traffic = {};
    one.way.steps.front().work = {.bytes = 4e6, .flops = 1e8};
    one.floor = floor_of(one.way.work(), roofs);
    one.timings.cold =
        harness::Timing{.seconds = 5e-6, .noise = 0.02, .uncertainty = 0.001, .samples = 31};
    one.timings.warm = one.timings.cold;
  }
  both[1].timings.cold->seconds = 10e-6;
  both[1].timings.cold->stopped = harness::Stop::time_limit;
  both[1].timings.warm.reset();
  // 1e8 operations.
  bench.rows(
      harness::parse_layer("mb1_ic100oc100_ih50iw100kh1kw1n\"a layer with a name of thirty-two\""),
      both);
  bench.end();
  return out.str();
}

constexpr auto kBoth = {Figure::cold, Figure::warm};

Roofs measured_roofs() {
  Roofs roofs;
  roofs.copy = {.rate = 1e12, .noise = 0.01, .how = "a copy", .reason = ""};
  roofs.gemm = {.rate = 100e12, .noise = 0.01, .how = "a product", .reason = ""};
  return roofs;
}

TEST(BenchReport, TimesHaveSharesOfTheMeasuredRoofs) {
  const auto document = nlohmann::json::parse(timed(Format::json, kBoth, measured_roofs()));
  const auto fused = document["rows"][0], chain = document["rows"][1];
  EXPECT_DOUBLE_EQ(fused["floor_us"], 4);
  EXPECT_DOUBLE_EQ(fused["cold_us"], 5);
  EXPECT_DOUBLE_EQ(fused["cold_share"], 0.8);
  EXPECT_DOUBLE_EQ(fused["cold_tflops"], 20);
  EXPECT_DOUBLE_EQ(fused["cold_gigabytes_per_second"], 800);
  EXPECT_EQ(fused["cold_stopped"], "settled");
  EXPECT_EQ(fused["cold_samples"], 31);
  EXPECT_DOUBLE_EQ(chain["cold_over_baseline"], 2);
  EXPECT_EQ(chain["cold_stopped"], "time limit");
  EXPECT_TRUE(chain["dram_bytes"].is_null());
  EXPECT_EQ(document["summary"]["layer_cudnn-separate_over_planned_cold"], 2.0);
  EXPECT_FALSE(document["summary"].contains("layer_cudnn-separate_over_planned_warm"));
}

TEST(BenchReport, ATimeThatWasNotTakenIsNull) {
  const auto chain = nlohmann::json::parse(timed(Format::json, kBoth, measured_roofs()))["rows"][1];
  for (const char* figure : {"us", "noise_percent", "uncertainty_percent", "samples", "stopped",
                             "share", "tflops", "gigabytes_per_second", "over_baseline"}) {
    EXPECT_TRUE(chain[std::string("warm_") + figure].is_null()) << figure;
  }
}

TEST(BenchReport, WithoutRoofsThereAreTimesButNoShares) {
  Roofs roofs;
  roofs.gemm.reason = "no such library";
  const auto document = nlohmann::json::parse(timed(Format::json, {Figure::cold}, roofs));
  EXPECT_DOUBLE_EQ(document["rows"][0]["cold_us"], 5);
  EXPECT_TRUE(document["rows"][0]["cold_share"].is_null());
  EXPECT_TRUE(document["rows"][0]["floor_us"].is_null());
  EXPECT_TRUE(document["rows"][0]["limit"].is_null());
}

TEST(BenchReport, TablesOfTimesAreNotTooWide) {
  for (const std::vector<Figure>& figures :
       {std::vector{Figure::cold}, {Figure::warm}, {Figure::cold, Figure::warm}}) {
    std::istringstream lines(timed(Format::table, figures, measured_roofs()));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 120U) << line;
  }
  const std::string table = timed(Format::table, kBoth, measured_roofs());
  EXPECT_NE(table.find("2.0t"), std::string::npos) << table;  // ended by the time limit
}

TEST(BenchReport, AFailureIsARowWithItsReason) {
  std::ostringstream out;
  const std::unique_ptr<Writer> writer = make_writer(Format::json, out);
  BenchReport bench(*writer, {}, {Figure::floor}, 8);
  bench.failure(harness::parse_layer("ic8oc8_ih8kh1"), "no memory");
  EXPECT_FALSE(bench.end());
  const auto row = nlohmann::json::parse(out.str())["rows"][0];
  EXPECT_EQ(row["right"], false);
  EXPECT_EQ(row["reason"], "no memory");
}

const std::vector<std::string> kCompared = {"conv_refused", "conv_first", "conv_second"};

// Of a layer: a refused kernel, two that take it, of which plan() takes the second, and a way beside them; and of another
// one that no kernel takes.
std::string of_kernels(Format format, bool& all_right, bool with_other = true) {
  std::ostringstream out;
  const std::unique_ptr<Writer> writer = make_writer(format, out);
  BenchReport bench(*writer, {}, {Figure::floor}, 14, kCompared);
  std::vector<Measured> layer;
  for (const auto& [way, floor_us] : {std::pair{"conv_refused", 0.0},
                                      {"conv_first", 2.0},
                                      {"conv_second", 1.0},
                                      {"direct", 8.0}}) {
    layer.push_back(measured(way, floor_us));
  }
  layer[0].way.refusal = "takes 1x1 filters only";
  layer[2].way.planned = true;
  bench.rows(harness::parse_layer("ic8oc8_ih8kh1"), layer);
  if (with_other) {
    for (Measured& one : layer) {
      if (one.way.name != "direct") one.way.refusal = "takes no such layer";
    }
    bench.rows(harness::parse_layer("ic8oc8_ih8kh3"), layer);
  }
  all_right = bench.end();
  return out.str();
}

TEST(BenchReport, KernelsAreComparedWithTheFirstThatTakesTheProblem) {
  bool all_right = false;
  const auto document = nlohmann::json::parse(of_kernels(Format::json, all_right, false));
  EXPECT_TRUE(all_right);
  const auto& rows = document["rows"];
  EXPECT_EQ(rows[0]["reason"], "takes 1x1 filters only");
  EXPECT_TRUE(rows[0]["floor_over_baseline"].is_null());
  EXPECT_EQ(rows[1]["baseline"], true);
  EXPECT_EQ(rows[1]["floor_over_baseline"], 1.0);
  EXPECT_EQ(rows[2]["floor_over_baseline"], 0.5);
  EXPECT_EQ(rows[2]["planned"], true);
  EXPECT_EQ(rows[2]["baseline"], false);
  EXPECT_EQ(rows[3]["floor_over_baseline"], 4.0);
  EXPECT_EQ(document["summary"]["layer_conv_second_over_conv_first_floor"], 0.5);
  EXPECT_EQ(document["summary"]["layer_direct_over_conv_first_floor"], 4.0);
  const std::string table = of_kernels(Format::table, all_right, false);
  for (const char* part : {"vs first", "conv_second *", "not possible: takes 1x1 filters only",
                           "layers, floor time over that of conv_first, geometric mean: "}) {
    EXPECT_NE(table.find(part), std::string::npos) << part << table;
  }
}

// Whatever stands beside them.
TEST(BenchReport, AProblemThatNoneOfTheKernelsTakesIsNotRight) {
  bool all_right = true;
  const auto document = nlohmann::json::parse(of_kernels(Format::json, all_right));
  EXPECT_FALSE(all_right);
  EXPECT_EQ(document["summary"]["right"], 1);
  for (std::size_t at = 4; at < 8; ++at) {
    EXPECT_EQ(document["rows"][at]["baseline"], false);
    EXPECT_TRUE(document["rows"][at]["floor_over_baseline"].is_null());
  }
  // The others are compared all the same.
  EXPECT_EQ(document["summary"]["layer_conv_second_over_conv_first_floor"], 0.5);
  EXPECT_NE(of_kernels(Format::table, all_right).find("none of the kernels takes 1 problem"),
            std::string::npos);
}

TEST(BenchReport, AMeanIsOverOneKernel) {
  std::ostringstream out;
  const std::unique_ptr<Writer> writer = make_writer(Format::json, out);
  BenchReport bench(*writer, {}, {Figure::floor}, 14, kCompared);
  for (const char* refusal : {"", "takes 1x1 filters only"}) {
    std::vector<Measured> layer = {measured("conv_first", 2.0), measured("conv_second", 1.0),
                                   measured("direct", 8.0)};
    layer.front().way.refusal = refusal;
    bench.rows(harness::parse_layer("ic8oc8_ih8kh1"), layer);
  }
  bench.end();
  const auto summary = nlohmann::json::parse(out.str())["summary"];
  for (const auto& [name, value] : summary.items()) {
    EXPECT_EQ(name.find("_over_"), std::string::npos) << name;  // of no kernel over both problems
  }
}

TEST(BenchReport, TablesOfKernelsAreNotTooWide) {
  const std::string name = "conv_narrow_f16_128x64x64_st3_sm80";
  for (const std::vector<Figure>& figures :
       {std::vector{Figure::floor}, {Figure::cold}, {Figure::cold, Figure::warm}}) {
    std::ostringstream out;
    const std::unique_ptr<Writer> writer = make_writer(Format::table, out);
    BenchReport bench(*writer, {}, figures, 32, {name});
    Measured one = measured(name, 1);
    one.timings.cold = harness::Timing{.seconds = 5e-6};
    one.timings.warm = one.timings.cold;
    bench.rows(harness::parse_layer(
                   "mb1_ic100oc100_ih50iw100kh1kw1n\"a layer with a name of thirty-two\""),
               {one});
    bench.end();
    std::istringstream lines(out.str());
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 120U) << line;
    EXPECT_NE(out.str().find(name), std::string::npos);
  }
}

}  // namespace
}  // namespace foldconv::tool
