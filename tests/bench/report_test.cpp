#include "report/report.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

namespace foldconv::tool {
namespace {

std::string written(Format format) {
  std::ostringstream out;
  const std::unique_ptr<Report> report = make_report(format, out);
  report->begin({.fields = {{"device", std::string("GPU, \"fast\"")}, {"emulated", false}},
                 .preamble = {"about this"},
                 .columns = {{"name", 6, true}, {"us", 5, false}}});
  report->row({.fields = {{"name", std::string("a,b")}, {"us", 1.5}, {"launches", std::int64_t{4}}},
               .cells = {"a,b", "1.50"},
               .note = ""});
  report->row({.fields = {{"name", std::string("c")}, {"us", {}}, {"launches", {}}},
               .cells = {"c"},
               .note = "  FAIL it is wrong"});
  report->end({{"right", std::int64_t{1}}}, {"1 of 2"});
  return out.str();
}

TEST(TableReport, AlignsColumns) {
  EXPECT_EQ(written(Format::table),
            "about this\n"
            "\n"
            "name       us\n"
            "a,b      1.50\n"
            "c\n"
            "  FAIL it is wrong\n"
            "1 of 2\n");
}

TEST(TableReport, SectionsHaveColumnsOfTheirOwn) {
  std::ostringstream out;
  const std::unique_ptr<Report> report = make_report(Format::table, out);
  report->begin({.fields = {}, .preamble = {"about this"}, .columns = {}});
  report->section({"about blocks"}, {{"block", 6, true}, {"cut", 5, true}});
  report->row({.fields = {}, .cells = {"a", "whole"}, .note = ""});
  report->section({}, {{"layer", 5, true}});
  report->row({.fields = {}, .cells = {"b"}, .note = ""});
  report->end({}, {});
  EXPECT_EQ(out.str(),
            "about this\n"
            "about blocks\n"
            "\n"
            "block   cut\n"
            "a       whole\n"
            "\n"
            "layer\n"
            "b\n");
}

TEST(JsonReport, IsOneDocument) {
  const auto document = nlohmann::json::parse(written(Format::json));
  EXPECT_EQ(document["header"]["device"], "GPU, \"fast\"");
  EXPECT_EQ(document["header"]["emulated"], false);
  ASSERT_EQ(document["rows"].size(), 2U);
  EXPECT_EQ(document["rows"][0]["name"], "a,b");
  EXPECT_EQ(document["rows"][0]["us"], 1.5);
  EXPECT_EQ(document["rows"][0]["launches"], 4);
  EXPECT_TRUE(document["rows"][1]["us"].is_null());
  EXPECT_EQ(document["summary"]["right"], 1);
}

TEST(JsonReport, WithoutRowsIsADocumentToo) {
  std::ostringstream out;
  const std::unique_ptr<Report> report = make_report(Format::json, out);
  report->begin({});
  report->end({}, {});
  EXPECT_TRUE(nlohmann::json::parse(out.str())["rows"].empty());
}

TEST(CsvReport, QuotesAndRepeatsTheHeading) {
  EXPECT_EQ(written(Format::csv),
            "name,us,launches,device,emulated\n"
            "\"a,b\",1.5,4,\"GPU, \"\"fast\"\"\",false\n"
            "c,,,\"GPU, \"\"fast\"\"\",false\n");
}

TEST(Cells, Numbers) {
  EXPECT_EQ(fixed(1.005, 1), "1.0");
  EXPECT_EQ(fixed(std::numeric_limits<double>::infinity(), 1), "-");
  EXPECT_EQ(short_number(0.000123456), "0.000123");
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
}

TEST(Cells, WrappedTextBreaksBetweenWords) {
  EXPECT_EQ(wrapped("short", 4), "short");
  const std::string words(60, 'a'), long_words(130, 'b');
  EXPECT_EQ(wrapped(words + " " + words + " c", 2), words + "\n  " + words + " c");
  EXPECT_EQ(wrapped(long_words + " c", 2), long_words + " c");  // no place to break
}

TEST(Cells, ClippedTextKeepsBothEnds) {
  EXPECT_EQ(clipped("layer1.0.conv1", 20), "layer1.0.conv1");
  EXPECT_EQ(clipped("abcdefghijkl", 8), "abc..jkl");
  EXPECT_EQ(clipped("abcdefghijkl", 8).size(), 8U);
}

}  // namespace
}  // namespace foldconv::tool
