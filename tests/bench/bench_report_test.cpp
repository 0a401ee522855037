// What bench prints, given what was measured.
#include "report/bench_report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace foldconv::tool {
namespace {

constexpr double kMicrosecond = 1e-6;

Measured measured(const std::string& implementation, double floor_us) {
  Measured one;
  one.implementation = implementation;
  one.kernel = "a_kernel";
  one.launches = 1;
  one.traffic = {{.launches = 1, .dram_bytes = 1000, .mma_instructions = 7}};
  one.floor.seconds = floor_us * kMicrosecond;
  return one;
}

// A block whose whole cut is planned, whose tails cut is refused, and whose chain is wrong.
std::vector<Measured> block() {
  std::vector<Measured> all = {measured("whole", 2), measured("tails", 0), measured("chain", 3),
                               measured("separate", 8)};
  all[0].planned = true;
  all[1].refusal = "takes no such block";
  all[2].wrong = "chain, y: other bits";
  return all;
}

std::string written(Format format, int& exit_code) {
  std::ostringstream out;
  const std::unique_ptr<Report> report = make_report(format, out);
  const Options options;
  const Device device{.name = "emulator", .architecture = "80", .emulated = true};
  BenchReport bench(options, device, roofs_of(*find_model("a100")), 8, *report);
  bench.begin_blocks();
  bench.rows({.name = "a", .label = "a block", .descriptor = "mb1_ih8_ic8oc8"}, block());
  bench.begin_layers();
  bench.rows({.name = "b", .label = "a layer", .descriptor = "mb1ic8oc8_ih8"},
             {measured("fused", 1), measured("chain", 2), measured("unfused", 4)});
  exit_code = bench.end();
  return out.str();
}

TEST(BenchReport, BlocksAreComparedWithThePlannedCutAndLayersWithFused) {
  int exit_code = 0;
  const auto rows = nlohmann::json::parse(written(Format::json, exit_code))["rows"];
  ASSERT_EQ(rows.size(), 7U);
  EXPECT_EQ(rows[0]["baseline"], true);
  EXPECT_EQ(rows[0]["floor_over_baseline"], 1.0);
  EXPECT_EQ(rows[3]["floor_over_baseline"], 4.0);
  EXPECT_EQ(rows[3]["kind"], "block");
  EXPECT_EQ(rows[4]["baseline"], true);
  EXPECT_EQ(rows[5]["floor_over_baseline"], 2.0);
  EXPECT_EQ(rows[5]["kind"], "layer");
  EXPECT_TRUE(rows[5]["planned"].is_null());
}

TEST(BenchReport, MeansAreOfImplementationsThatEveryProblemHas) {
  int exit_code = 0;
  const auto summary = nlohmann::json::parse(written(Format::json, exit_code))["summary"];
  EXPECT_DOUBLE_EQ(summary["separate_over_planned_floor"], 4);
  EXPECT_DOUBLE_EQ(summary["unfused_over_fused_floor"], 4);
  EXPECT_FALSE(summary.contains("chain_over_planned_floor"));  // wrong
  EXPECT_FALSE(summary.contains("whole_over_planned_floor"));  // always the baseline
}

TEST(BenchReport, AWrongResultHasNoFigureAndFailsTheProgram) {
  int exit_code = 0;
  const auto document = nlohmann::json::parse(written(Format::json, exit_code));
  EXPECT_EQ(exit_code, kExitFailure);
  const auto chain = document["rows"][2];
  EXPECT_EQ(chain["right"], false);
  for (const char* figure :
       {"dram_bytes", "mma_instructions", "floor_us", "limit", "floor_over_baseline"}) {
    EXPECT_TRUE(chain[figure].is_null()) << figure;
  }
  EXPECT_EQ(chain["reason"], "chain, y: other bits");
  EXPECT_EQ(document["summary"]["right"], 1);
  const std::string table = written(Format::table, exit_code);
  EXPECT_NE(table.find("FAIL chain, y: other bits"), std::string::npos) << table;
}

TEST(BenchReport, ARefusedCutIsNoFailure) {
  int exit_code = 0;
  const auto tails = nlohmann::json::parse(written(Format::json, exit_code))["rows"][1];
  EXPECT_TRUE(tails["right"].is_null());
  EXPECT_TRUE(tails["floor_us"].is_null());
  EXPECT_EQ(tails["reason"], "takes no such block");
  const std::string table = written(Format::table, exit_code);
  EXPECT_NE(table.find("tails      not possible: takes no such block"), std::string::npos) << table;
}

// Of a GPU: two implementations, the second without a warm time.
std::string timed(Format format, L2 l2, const Roofs& roofs) {
  std::ostringstream out;
  const std::unique_ptr<Report> report = make_report(format, out);
  Options options;
  options.l2 = l2;
  Device device{.name = "a GPU", .architecture = "90"};
  device.machine.sm_clock_mhz = 1755;
  device.machine.driver = "580.65";
  BenchReport bench(options, device, roofs, 32, *report);
  bench.begin_layers();
  std::vector<Measured> both = {measured("fused", 0), measured("chain", 0)};
  for (Measured& one : both) {
    one.traffic.clear();
    one.work = {.bytes = 4e6, .flops = 1e8};
    one.floor = floor_of(one.work, roofs);
    one.timings.cold = Timing{.seconds = 5e-6, .noise = 0.02, .uncertainty = 0.001, .samples = 31};
    one.timings.warm = one.timings.cold;
  }
  both[1].timings.cold->seconds = 10e-6;
  both[1].timings.cold->stopped = Stop::time_limit;
  both[1].timings.warm.reset();
  bench.rows({.name = "b",
              .label = "a layer with a name of thirty-two",
              .descriptor = "mb1ic8oc8_ih8",
              .images = 1,
              .work = {.bytes = 4e6, .flops = 1e8}},
             both);
  bench.end();
  return out.str();
}

Roofs measured_roofs() {
  Roofs roofs;
  roofs.measured = true;
  roofs.copy = {.rate = 1e12, .noise = 0.01, .how = "a copy", .reason = ""};
  roofs.gemm = {.rate = 100e12, .noise = 0.01, .how = "a product", .reason = ""};
  return roofs;
}

TEST(BenchReport, TimesHaveSharesOfTheMeasuredRoofs) {
  const auto document = nlohmann::json::parse(timed(Format::json, L2::both, measured_roofs()));
  const auto header = document["header"];
  EXPECT_EQ(header["schema"], 1);
  EXPECT_EQ(header["roofs"], "measured");
  EXPECT_EQ(header["copy_bytes_per_second"], 1e12);
  EXPECT_EQ(header["gemm_flops_per_second"], 100e12);
  EXPECT_EQ(header["sm_clock_mhz"], 1755);
  EXPECT_EQ(header["driver"], "580.65");
  EXPECT_TRUE(header["cudnn"].is_null());
  EXPECT_EQ(header["l2"], "both");
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
  EXPECT_EQ(document["summary"]["chain_over_fused_cold"], 2.0);
  EXPECT_FALSE(document["summary"].contains("chain_over_fused_warm"));
}

TEST(BenchReport, ATimeThatWasNotTakenIsNull) {
  const auto chain =
      nlohmann::json::parse(timed(Format::json, L2::both, measured_roofs()))["rows"][1];
  for (const char* figure : {"us", "noise_percent", "uncertainty_percent", "samples", "stopped",
                             "share", "tflops", "gigabytes_per_second", "over_baseline"}) {
    EXPECT_TRUE(chain[std::string("warm_") + figure].is_null()) << figure;
  }
}

TEST(BenchReport, WithoutRoofsThereAreTimesButNoShares) {
  Roofs roofs;
  roofs.measured = true;
  roofs.gemm.reason = "no such library";
  const auto document = nlohmann::json::parse(timed(Format::json, L2::cold, roofs));
  EXPECT_EQ(document["header"]["gemm_reason"], "no such library");
  EXPECT_TRUE(document["header"]["gemm_flops_per_second"].is_null());
  EXPECT_DOUBLE_EQ(document["rows"][0]["cold_us"], 5);
  EXPECT_TRUE(document["rows"][0]["cold_share"].is_null());
  EXPECT_TRUE(document["rows"][0]["floor_us"].is_null());
  EXPECT_TRUE(document["rows"][0]["limit"].is_null());
  const std::string table = timed(Format::table, L2::cold, roofs);
  EXPECT_NE(table.find("gemm roof: not measured: no such library"), std::string::npos) << table;
}

TEST(BenchReport, TablesOfTimesAreNotTooWide) {
  for (const L2 l2 : {L2::cold, L2::warm, L2::both}) {
    std::istringstream lines(timed(Format::table, l2, measured_roofs()));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 120U) << line;
  }
  const std::string table = timed(Format::table, L2::both, measured_roofs());
  EXPECT_NE(table.find("copy roof: 1000 GB/s"), std::string::npos) << table;
  EXPECT_NE(table.find("2.0t"), std::string::npos) << table;  // ended by the time limit
}

}  // namespace
}  // namespace foldconv::tool
