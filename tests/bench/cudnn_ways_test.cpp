// SPDX-License-Identifier: MIT
// How engines are tried, judged, timed and made into ways and recordings, with engines that this
// library's kernels stand for.
#include "cudnn/cudnn.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "cudnn/recording/record.hpp"
#include "cudnn_stand_in.hpp"
#include "harness/caught.hpp"
#include "harness/problem/data.hpp"
#include "harness/problem/text.hpp"
#include "harness/test_folder.hpp"

namespace foldconv::cudnn {
namespace {

// Makers of the ways for this search.
std::vector<harness::WayMaker> ways_of(const Search& search) {
  return ways([search] { return search; });
}

Search search_with(const std::vector<Fault>& faults) {
  return {.cudnn = stand_in(faults), .l2_bytes = 1 << 12};
}

harness::Problem filled(harness::Problem problem) {
  harness::fill(problem);
  return problem;
}

harness::Problem filled_layer(const ConvProblem& problem) {
  return filled(harness::make_layer(problem));
}

const harness::Wanted kAll = [](const std::string&) { return true; };

void expect_right(const harness::Problem& problem, const std::vector<std::size_t>& steps) {
  harness::Tensors tensors(problem);
  const std::vector<harness::Way> all =
      harness::make_ways(ways_of(search_with({Fault::none})), problem, tensors, kAll);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "cudnn");
  EXPECT_EQ(all[1].name, "cudnn-separate");
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].refusal, "");
    EXPECT_EQ(all[i].steps.size(), steps[i]) << all[i].name;
    const harness::Checked checked = harness::check(all[i]);
    EXPECT_EQ(checked.wrong, "");
    EXPECT_TRUE(checked.in_bounds);
  }
}

TEST(CudnnWays, ALayerIsFusedOrACallEach) {
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    expect_right(filled_layer({.dtype = dtype,
                               .n = 3,
                               .h = 6,
                               .w = 5,
                               .c = 16,
                               .k = 24,
                               .r = 3,
                               .s = 3,
                               .pad = {1, 1, 1, 1},
                               .groups = 2,
                               .activation = Activation::silu,
                               .residual = true}),
                 {1, 4});
  }
}

TEST(CudnnWays, ABlockIsALineOfConvolutions) {
  // Fused: four convolutions. By calls: also four BatchNorms, one sum, three ReLUs; two of them.
  expect_right(filled(harness::parse_block("ih6_ic32mid16oc64_s2x2")), {7, 7 + 7 + 2 + 6});
}

// The kernel of the way cudnn, or its refusal.
std::string kernel(const Search& search) {
  const harness::Problem problem =
      filled_layer({.n = 1, .h = 6, .w = 5, .c = 16, .k = 24, .activation = Activation::relu});
  harness::Tensors tensors(problem);
  const harness::Way way =
      harness::make_ways(ways_of(search), problem, tensors, [](const std::string& name) {
        return name == "cudnn";
      }).front();
  return way.refusal.empty() ? way.kernels : way.refusal;
}

TEST(CudnnWays, OnlyRightEnginesThatCanBeCapturedTakePart) {
  const auto with = [](const std::vector<Fault>& faults) { return kernel(search_with(faults)); };
  // Each engine is offered twice: with scale and bias in fp32 and as the tensors are.
  EXPECT_EQ(with({Fault::fails, Fault::scales_by_zero, Fault::cannot_be_captured, Fault::none})
                .rfind("eng3", 0),
            0U);
  EXPECT_TRUE(harness::names(with({Fault::none, Fault::fails, Fault::none}), "(4_of_6)"));
  EXPECT_TRUE(harness::names(with({Fault::none, Fault::scales_by_zero}), "(2_of_4)"));
  EXPECT_EQ(with({Fault::fails}),
            "no engine of cuDNN gives a right result: eng0: fails on purpose");
  EXPECT_EQ(with({}), "none on purpose");
  EXPECT_TRUE(harness::names(with({Fault::cannot_be_captured}), "cannot be part of a CUDA graph"));
  EXPECT_TRUE(harness::names(with({Fault::scales_by_zero}), "OUTSIDE THE BOUND"));
}

TEST(CudnnWays, AsManyEnginesAsAskedFor) {
  Search search = search_with({Fault::none, Fault::none, Fault::none});
  search.engines = 2;
  EXPECT_TRUE(harness::names(kernel(search), "(4_of_6)"));
  search.engines = 0;
  EXPECT_TRUE(harness::names(kernel(search), "(6_of_6)"));
}

TEST(CudnnWays, WithoutCudnnTheReasonStandsInTheRow) {
  const harness::Problem problem = filled_layer({.n = 1, .h = 6, .w = 5, .c = 16, .k = 24});
  harness::Tensors tensors(problem);
  for (const harness::Way& way : harness::make_ways(
           ways_of({.cudnn = nullptr, .reason = "cuDNN is away"}), problem, tensors, kAll)) {
    EXPECT_EQ(way.refusal, "cuDNN is away");
    EXPECT_TRUE(way.steps.empty());
  }
}

// --- Engines in a process of their own -----------------------------------------------------------

// By a link in a folder whose name shells have to quote.
const std::string& stand_ins() {
  static const test::TestFolder folder;
  static const std::filesystem::path link = [] {
    std::filesystem::create_symlink(FOLDCONV_TRY_STAND_INS, folder.path() / "try");
    return folder.path() / "try";
  }();
  return link.native();
}

Search tried(const std::string& faults) {
  Search search = search_with(faults_of(faults));
  search.trial = {.program = {stand_ins(), faults}, .seconds = 20};
  return search;
}

TEST(CudnnTrial, AnEngineThatEndsItsProcessIsLeftOutAndTheNextGoOn) {
  // Without a process of its own the first would end this one.
  EXPECT_EQ(kernel(tried("aborts,none,faults,none")).rfind("eng", 0), 0U);
  EXPECT_TRUE(harness::names(kernel(tried("aborts,none,faults,none")), "(4_of_8)"));
  EXPECT_TRUE(harness::names(kernel(tried("aborts")), "kills its process (signal 6"));
  EXPECT_EQ(kernel(tried("none,fails")).rfind("eng0", 0), 0U);
}

TEST(CudnnTrial, SaysWhatEachEngineDid) {
  const ConvProblem problem{.n = 1, .h = 6, .w = 5, .c = 16, .k = 24};
  Trial trial = tried("none,aborts,fails,faults,writes_beside,hangs,none").trial;
  trial.seconds = 3;
  const std::map<std::size_t, std::string> spoilt = spoilt_engines(trial, problem, {}, {});
  ASSERT_EQ(spoilt.size(), 4U);
  EXPECT_TRUE(harness::names(spoilt.at(1), "signal 6"));
  EXPECT_TRUE(harness::names(spoilt.at(3), "an illegal address"));
  EXPECT_TRUE(harness::names(spoilt.at(4), "writes"));
  EXPECT_EQ(spoilt.at(5), "it says nothing for 3 s");
  EXPECT_EQ(spoilt_engines(trial, problem, {}, {.first = 2, .last = 4}).size(), 1U);
}

TEST(CudnnTrial, GoesOnBehindAFirstEngineThatCannotBeMade) {
  const ConvProblem problem{.n = 1, .h = 6, .w = 5, .c = 16, .k = 24};
  const auto spoilt = spoilt_engines(tried("cannot_be_made,aborts,none").trial, problem, {}, {});
  ASSERT_EQ(spoilt.size(), 1U);
  EXPECT_TRUE(harness::names(spoilt.at(1), "signal 6"));
}

TEST(CudnnTrial, AProgramThatCannotTryIsAnError) {
  const ConvProblem problem{.n = 1, .h = 6, .w = 5, .c = 16, .k = 24};
  EXPECT_TRUE(harness::names(
      harness::message_of([&] { spoilt_engines({.program = {"/nowhere"}}, problem, {}, {}); },
                          ErrorCode::cuda_error),
      "cannot start a process"));
  EXPECT_TRUE(harness::names(
      harness::message_of([&] { spoilt_engines({.program = {"/bin/false"}}, problem, {}, {}); },
                          ErrorCode::cuda_error),
      "exit code 1"));
}

// --- Recording -----------------------------------------------------------------------------------

TEST(CudnnRecorder, TakesTheFirstEngineThatIsRight) {
  const ConvWitness right = witness_of(search_with({Fault::fails, Fault::none, Fault::faults}));
  const ConvWitness wrong = witness_of(search_with({Fault::fails}));
  const std::vector<RecordedProblem> problems = recorded_problems();
  for (const RecordedProblem& problem : problems) {
    const Recording recording = record(problem, right);
    EXPECT_TRUE(recording.metadata.at("engines").starts_with("eng1")) << problem.name;
    // What another engine would leave behind.
    EXPECT_TRUE(std::ranges::none_of(recording.tensors.at("y").values, [](float value) {
      return std::isnan(value);
    })) << problem.name;
  }
  EXPECT_TRUE(harness::names(
      harness::message_of([&] { record(problems.front(), wrong); }, ErrorCode::unsupported),
      "fails on purpose"));
}

}  // namespace
}  // namespace foldconv::cudnn
