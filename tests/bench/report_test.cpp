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

Fields fields_of(const Animal& animal) {
  return {{"name", animal.name, {"name", 6, true}},
          {"us",
           value_if(animal.us.has_value(), animal.us.value_or(0)),
           {"us", 5},
           animal.us ? fixed(*animal.us, 2) : ""},
          {"launches", value_if(animal.us.has_value(), animal.launches), {"n", 1}}};
}

std::string written(Format format) {
  std::ostringstream out;
  const std::unique_ptr<Writer> writer = make_writer(format, out);
  writer->begin(
      {.fields = {{"device", "GPU, \"fast\""}, {"emulated", false}}, .preamble = {"about this"}});
  writer->row(fields_of({"a,b", 1.5}));
  writer->row(fields_of({"c", {}}), "  FAIL it is wrong");
  writer->row(fields_of({"d", {}}), "", "not possible: it is a long story");
  writer->end({{"right", 1}}, {"1 of 2"});
  return out.str();
}

TEST(TableReport, AlignsColumns) {
  EXPECT_EQ(written(Format::table),
            "about this\n"
            "\n"
            "name       us  n\n"
            "a,b      1.50  4\n"
            "c              -\n"
            "  FAIL it is wrong\n"
            "d              not possible: it is a long story\n"
            "1 of 2\n");
}

TEST(TableReport, AValueIsItsOwnCell) {
  std::ostringstream out;
  const std::unique_ptr<Writer> writer = make_writer(Format::table, out);
  const Place wide{.title = "", .width = 5}, text{.title = "", .width = 5, .left = true};
  writer->row({{"a", "x", text},
               {"b", true, wide},
               {"c", false, wide},
               {"d", std::size_t{1234}, wide},
               {"e", 0.128, wide},
               {"f", 0.128, {"", 5, false, 1}},
               {"g", Value(), wide},
               {"h", Value(), text},
               {"i", "not in the table"},
               {"j", "end", text}});
  EXPECT_EQ(out.str(), "\nx        yes     NO  1,234   0.13    0.1      -         end\n");
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
  writer->begin({});
  writer->end({}, {});
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
