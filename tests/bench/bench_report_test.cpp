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

// A block whose whole cut is planned, whose rotated cut is refused, and whose chain is wrong.
std::vector<Measured> block() {
  std::vector<Measured> all = {measured("whole", 2), measured("rotated", 0), measured("chain", 3),
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
  BenchReport bench(options, device, 8, *report);
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
  EXPECT_EQ(rows[0]["over_planned"], 1.0);
  EXPECT_EQ(rows[3]["over_planned"], 4.0);
  EXPECT_TRUE(rows[3]["over_fused"].is_null());
  EXPECT_EQ(rows[5]["over_fused"], 2.0);
  EXPECT_TRUE(rows[5]["over_planned"].is_null());
  EXPECT_TRUE(rows[5]["planned"].is_null());
}

TEST(BenchReport, AWrongResultHasNoFigureAndFailsTheProgram) {
  int exit_code = 0;
  const auto document = nlohmann::json::parse(written(Format::json, exit_code));
  EXPECT_EQ(exit_code, kExitFailure);
  const auto chain = document["rows"][2];
  EXPECT_EQ(chain["right"], false);
  for (const char* figure :
       {"dram_bytes", "mma_instructions", "floor_us", "limit", "over_planned"}) {
    EXPECT_TRUE(chain[figure].is_null()) << figure;
  }
  EXPECT_EQ(chain["reason"], "chain, y: other bits");
  EXPECT_EQ(document["summary"]["right"], 1);
  const std::string table = written(Format::table, exit_code);
  EXPECT_NE(table.find("FAIL chain, y: other bits"), std::string::npos) << table;
}

TEST(BenchReport, ARefusedCutIsNoFailure) {
  int exit_code = 0;
  const auto rotated = nlohmann::json::parse(written(Format::json, exit_code))["rows"][1];
  EXPECT_TRUE(rotated["right"].is_null());
  EXPECT_TRUE(rotated["floor_us"].is_null());
  EXPECT_EQ(rotated["reason"], "takes no such block");
  const std::string table = written(Format::table, exit_code);
  EXPECT_NE(table.find("rotated    not possible: takes no such block"), std::string::npos) << table;
}

}  // namespace
}  // namespace foldconv::tool
