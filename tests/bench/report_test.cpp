// SPDX-License-Identifier: MIT
#include "report/report.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "report/text.hpp"

namespace foldconv::tool {
namespace {

struct Animal {
  std::string name;
  std::optional<double> us;
  std::int64_t launches = 4;
};

std::vector<Column<Animal>> columns() {
  return {
      {"name", &Animal::name, {"name", 6, true}},
      {"us",
       [](const Animal& row) { return row.us ? Value(*row.us) : Value(); },
       {"us", 5},
       [](const Animal& row) { return row.us ? fixed(*row.us, 2) : ""; }},
      {"launches", [](const Animal& row) { return value_if(row.us.has_value(), row.launches); }}};
}

std::string written(Format format) {
  std::ostringstream out;
  const std::unique_ptr<Writer> writer = make_writer(format, out);
  Report<Animal> report(*writer,
                        {.fields = {{"device", std::string("GPU, \"fast\"")}, {"emulated", false}},
                         .preamble = {"about this"}},
                        columns());
  report.row({"a,b", 1.5});
  report.row({"c", {}}, "  FAIL it is wrong");
  report.row({"d", {}}, "", "not possible: it is a long story", 1);
  report.end({{"right", std::int64_t{1}}}, {"1 of 2"});
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
            "d       not possible: it is a long story\n"
            "1 of 2\n");
}

TEST(JsonReport, IsOneDocument) {
  const auto document = nlohmann::json::parse(written(Format::json));
  EXPECT_EQ(document["header"]["device"], "GPU, \"fast\"");
  EXPECT_EQ(document["header"]["emulated"], false);
  ASSERT_EQ(document["rows"].size(), 3U);
  EXPECT_EQ(document["rows"][0]["name"], "a,b");
  EXPECT_EQ(document["rows"][0]["us"], 1.5);
  EXPECT_EQ(document["rows"][0]["launches"], 4);
  EXPECT_TRUE(document["rows"][1]["us"].is_null());
  EXPECT_EQ(document["summary"]["right"], 1);
}

TEST(JsonReport, WithoutRowsIsADocumentToo) {
  std::ostringstream out;
  const std::unique_ptr<Writer> writer = make_writer(Format::json, out);
  Report<Animal>(*writer, {}, columns()).end({}, {});
  EXPECT_TRUE(nlohmann::json::parse(out.str())["rows"].empty());
}

TEST(CsvReport, QuotesAndRepeatsTheHeading) {
  EXPECT_EQ(written(Format::csv),
            "name,us,launches,device,emulated\n"
            "\"a,b\",1.5,4,\"GPU, \"\"fast\"\"\",false\n"
            "c,,,\"GPU, \"\"fast\"\"\",false\n"
            "d,,,\"GPU, \"\"fast\"\"\",false\n");
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

TEST(Cells, RepeatsStandOnce) {
  EXPECT_EQ(folded_repeats(""), "");
  EXPECT_EQ(folded_repeats("a"), "a");
  EXPECT_EQ(folded_repeats("a b b b a"), "2 x a, 3 x b");
}

TEST(Cells, ClippedTextKeepsBothEnds) {
  EXPECT_EQ(clipped("layer1.0.conv1", 20), "layer1.0.conv1");
  EXPECT_EQ(clipped("abcdefghijkl", 8), "abc..jkl");
  EXPECT_EQ(clipped("abcdefghijkl", 8).size(), 8U);
}

}  // namespace
}  // namespace foldconv::tool
