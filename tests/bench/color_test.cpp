// SPDX-License-Identifier: MIT
#include "report/color.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "report/progress.hpp"
#include "report/report.hpp"

namespace foldconv::tool {
namespace {

std::string without_color(const std::string& text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\033') {
      plain += text[at];
    } else {
      at = text.find('m', at);
    }
  }
  return plain;
}

std::string table(const Paint& paint) {
  std::ostringstream out;
  const std::unique_ptr<Writer> writer = make_writer(Format::table, out, paint);
  const Place text{.title = "name", .width = 8, .left = true}, truth{.title = "result", .width = 6};
  writer->begin({.fields = {}, .preamble = {"about this", "and more"}});
  writer->row({{"name", "FAIL", text}, {"way", "whole", text}, {"pass", true, truth, "PASS"}});
  writer->row({{"name", "NO", text}, {"way", "tails", text}, {"pass", false, truth}}, "  FAIL why");
  writer->row({{"name", "c", text}, {"way", "chain", text}, {"pass", Value(), truth}}, "",
              "not possible: it is late");
  writer->end({}, {"", "WRONG: all of it", "2 of 3 passed"});
  return out.str();
}

TEST(Color, OnlyVerdictsAndHeadings) {
  EXPECT_EQ(table(Paint(true)),
            "\033[1mabout this\033[0m\n"
            "and more\n"
            "\n"
            "\033[1mname      name      result\033[0m\n"
            "FAIL      whole       \033[32mPASS\033[0m\n"
            "NO        tails         \033[1;31mNO\033[0m\n"
            "  \033[1;31mFAIL\033[0m why\n"
            "c         chain     \033[33mnot possible\033[0m: it is late\n"
            "\n"
            "\033[1;31mWRONG\033[0m: all of it\n"
            "2 of 3 passed\n");
  EXPECT_EQ(without_color(table(Paint(true))), table(Paint()));
  EXPECT_EQ(table(Paint()).find('\033'), std::string::npos);
}

TEST(Color, WordsAreWhole) {
  const Paint paint(true);
  for (const char* text : {"", "  ", "NOTHING", "PASSED", "no", "a FAIL"}) {
    EXPECT_EQ(paint.verdict(text), text);
  }
  EXPECT_EQ(paint.verdict("FAIL"), "\033[1;31mFAIL\033[0m");
  EXPECT_EQ(paint.complaint(""), "");
}

TEST(Pace, RateAndTimeLeft) {
  EXPECT_EQ(pace_text(0, 23, 5), "");
  EXPECT_EQ(pace_text(1, 23, 0), "");
  EXPECT_EQ(pace_text(20, 23, 10), "2.0/s, 2 s left");
  EXPECT_EQ(pace_text(400, 800, 4), "100/s, 4 s left");
  EXPECT_EQ(pace_text(2, 4, 30), "15 s each, 30 s left");
  EXPECT_EQ(pace_text(1, 11, 60), "60 s each, 10 min left");
  EXPECT_EQ(pace_text(1, 11, 3600), "60 min each, 10.0 h left");
  EXPECT_EQ(pace_text(5, 5, 5), "1.0/s, 0 s left");
  EXPECT_EQ(pace_text(6, 5, 6), "1.0/s, 0 s left");  // more than was planned
}

}  // namespace
}  // namespace foldconv::tool
