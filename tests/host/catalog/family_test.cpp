// SPDX-License-Identifier: MIT
// Which convolutions the sm_90 family takes, and which family a plan gets.
#include "catalog/family.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "host/device_figures.hpp"
#include "host/expect_error.hpp"

namespace foldconv {
namespace {

using test::fails_with;
using test::kA100;
using test::kH100;

constexpr host::DeviceFigures kB200 = {100, 148, 232448};

// A 3x3 that every rule takes.
ConvProblem taken() {
  return {.n = 2, .h = 14, .w = 15, .c = 64, .k = 64, .r = 3, .s = 3, .pad = {1, 1, 1, 1}};
}

struct FamilyCase {
  const char* name;
  std::function<void(ConvProblem&)> change;
  const char* says;  // a part of the refusal; "": it is taken
};

class Family : public testing::TestWithParam<FamilyCase> {};

TEST_P(Family, TakesWhatTensorMapsReach) {
  ConvProblem problem = taken();
  GetParam().change(problem);
  const std::string rule = host::sm90_rule(problem);
  if (*GetParam().says == '\0') {
    EXPECT_EQ(rule, "");
    EXPECT_EQ(host::family_of(problem, Instructions::sm90, kH100).instructions, Instructions::sm90);
    return;
  }
  EXPECT_NE(rule.find(GetParam().says), std::string::npos) << rule;
  const host::Family family = host::family_of(problem, Instructions::sm90, kH100);
  EXPECT_EQ(family.instructions, Instructions::sm80);
  EXPECT_NE(family.reason.find(rule), std::string::npos) << family.reason;
}

const FamilyCase kFamilyCases[] = {
    {"as_it_is", [](ConvProblem&) {}, ""},
    {"bf16", [](ConvProblem& p) { p.dtype = DataType::bf16; }, ""},
    {"f32", [](ConvProblem& p) { p.dtype = DataType::f32; }, "the problem is f32"},
    {"fewer_channels", [](ConvProblem& p) { p.c = 56; }, "c = 56; nearest: c = 64"},
    {"three_channels", [](ConvProblem& p) { p.c = 3; }, "c = 3; nearest: c = 64"},
    {"a_slice_and_eight", [](ConvProblem& p) { p.c = 72; }, ""},
    {"odd_channels", [](ConvProblem& p) { p.c = 68; },
     "c = 68 is no multiple of 8; nearest above: c = 72"},
    {"eight_outputs", [](ConvProblem& p) { p.k = 8; }, ""},
    {"odd_outputs", [](ConvProblem& p) { p.k = 10; },
     "k = 10 is no multiple of 8; nearest above: k = 16"},
    {"groups_of_slices", [](ConvProblem& p) { p.c = 256, p.k = 16, p.groups = 2; }, ""},
    {"groups_not_of_slices", [](ConvProblem& p) { p.c = 144, p.groups = 2; },
     "c / groups = 72; nearest above: c / groups = 128"},
    {"narrow_groups", [](ConvProblem& p) { p.groups = 2; },
     "c / groups = 32; nearest: c / groups = 64"},
    {"groups_of_odd_outputs", [](ConvProblem& p) { p.c = 128, p.k = 24, p.groups = 2; },
     "k / groups = 12 is no multiple of 8"},
    {"stride_8",
     [](ConvProblem& p) {
       p.stride = {8, 8};
     },
     ""},
    {"stride_9_down",
     [](ConvProblem& p) {
       p.stride = {9, 1};
     },
     "stride.h = 9; nearest: stride.h = 8"},
    {"stride_9_across",
     [](ConvProblem& p) {
       p.stride = {1, 9};
     },
     "stride.w = 9; nearest: stride.w = 8"},
    {"reach_254",
     [](ConvProblem& p) {
       p.h = 300, p.dilation = {127, 1};
       p.pad = {0, 127, 0, 0};
     },
     ""},
    {"reach_256",
     [](ConvProblem& p) {
       p.h = 300, p.dilation = {128, 1};
       p.pad = {0, 128, 0, 0};
     },
     "(r - 1) * dilation.h = 256; nearest: (r - 1) * dilation.h = 254"},
    {"reach_256_across",
     [](ConvProblem& p) {
       p.w = 300, p.dilation = {1, 128};
       p.pad = {0, 0, 0, 128};
     },
     "(s - 1) * dilation.w = 256"},
    {"padding_128_before", [](ConvProblem& p) { p.pad.top = 128; }, ""},
    {"padding_129_before", [](ConvProblem& p) { p.pad.top = 129; },
     "pad.top = 129; nearest: pad.top = 128"},
    {"padding_129_left", [](ConvProblem& p) { p.pad.left = 129; }, "pad.left = 129"},
    {"cropped_by_127", [](ConvProblem& p) { p.h = 200, p.pad.top = -127; }, ""},
    {"cropped_by_128", [](ConvProblem& p) { p.h = 200, p.pad.top = -128; },
     "pad.top = -128; nearest: pad.top = -127"},
    // The upper corner is the padding less the filter's reach of 2.
    {"padding_129_behind", [](ConvProblem& p) { p.pad.bottom = 129; }, ""},
    {"padding_130_behind", [](ConvProblem& p) { p.pad.bottom = 130; },
     "pad.bottom = 130; nearest: pad.bottom = 129"},
    {"cropped_by_126_behind", [](ConvProblem& p) { p.w = 200, p.pad.right = -126; }, ""},
    {"cropped_by_127_behind", [](ConvProblem& p) { p.w = 200, p.pad.right = -127; },
     "pad.right = -127; nearest: pad.right = -126"},
};
INSTANTIATE_TEST_SUITE_P(Rules, Family, testing::ValuesIn(kFamilyCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(FamilyChoice, DependsOnNoImages) {
  for (const FamilyCase& each : kFamilyCases) {
    ConvProblem problem = taken();
    each.change(problem);
    const std::string rule = host::sm90_rule(problem);
    for (const int n : {1, 3, 1000}) {
      problem.n = n;
      problem.h += 17;
      problem.w *= 2;
      EXPECT_EQ(host::sm90_rule(problem), rule) << each.name;
    }
  }
}

TEST(FamilyChoice, AutomaticWaitsForAChip) {
  // The recorded answers of a chip and the constant come together.
  EXPECT_EQ(host::kSm90Confirmed,
            std::filesystem::is_directory(std::filesystem::path(FOLDCONV_GOLDEN_FOLDER) / "sm90"));
  const host::Family family = host::family_of(taken(), Instructions::automatic, kH100);
  EXPECT_EQ(family.instructions, host::kSm90Confirmed ? Instructions::sm90 : Instructions::sm80);
  if (!host::kSm90Confirmed) {
    EXPECT_NE(family.reason.find("no chip has confirmed"), std::string::npos) << family.reason;
    const host::Family named = host::family_of(taken(), Instructions::sm90, kH100);
    EXPECT_NE(named.reason.find("no chip has confirmed"), std::string::npos) << named.reason;
  }
}

TEST(FamilyChoice, Sm80ByName) {
  const host::Family family = host::family_of(taken(), Instructions::sm80, kH100);
  EXPECT_EQ(family.instructions, Instructions::sm80);
  EXPECT_EQ(family.reason, "asked for by name");
}

TEST(FamilyChoice, Sm90IsOneComputeCapability) {
  EXPECT_TRUE(host::check_instructions(Instructions::sm90, kH100).ok());
  EXPECT_TRUE(fails_with(host::check_instructions(Instructions::sm90, kA100),
                         ErrorCode::unsupported, {"9.0 alone", "the device has 8.0", "sm80"}));
  EXPECT_TRUE(fails_with(host::check_instructions(Instructions::sm90, kB200),
                         ErrorCode::unsupported, {"the device has 10.0"}));
  EXPECT_TRUE(fails_with(host::check_instructions(static_cast<Instructions>(3), kH100),
                         ErrorCode::invalid_argument, {"unknown instructions", "3"}));
  for (const auto wanted : {Instructions::automatic, Instructions::sm80}) {
    for (const auto& device : {kA100, kH100, kB200}) {
      EXPECT_TRUE(host::check_instructions(wanted, device).ok());
    }
  }
  EXPECT_EQ(host::family_of(taken(), Instructions::automatic, kA100).instructions,
            Instructions::sm80);
}

TEST(FamilyChoice, TooManyImages) {
  ConvProblem problem = {.n = 1 << 21, .h = 32, .w = 32, .c = 64, .k = 8};
  EXPECT_EQ(host::sm90_rule(problem), "");
  const std::string rule = host::sm90_size_rule(problem);
  EXPECT_NE(rule.find("n * p * q = 2147483648"), std::string::npos) << rule;
  EXPECT_NE(rule.find("nearest: n = 2097151"), std::string::npos) << rule;
  problem.n = 2097151;
  EXPECT_EQ(host::sm90_size_rule(problem), "");
  problem.k = 1 << 20;
  EXPECT_NE(host::sm90_size_rule(problem), "");
}

TEST(FamilyChoice, NamesOfInstructions) {
  for (const auto each : {Instructions::automatic, Instructions::sm80, Instructions::sm90})
    EXPECT_EQ(*parse_instructions(to_string(each)), each);
  EXPECT_STREQ(to_string(static_cast<Instructions>(9)), "unknown");
  EXPECT_TRUE(fails_with(parse_instructions("sm70"), ErrorCode::invalid_argument,
                         {"sm70", "use automatic"}));
}

}  // namespace
}  // namespace foldconv
