// SPDX-License-Identifier: MIT
// How often to time, on a clock that the test moves.
#include "harness/time/samples.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "harness/caught.hpp"

namespace foldconv::harness {
namespace {

constexpr RepetitionLimits kLimits{
    .seconds = 1, .uncertainty = 0.01, .fewest = 5, .enough = 15, .most = 200};

// Rounds of 10 ms whose elements are spread evenly around 1 ms, by at most `swing`.
class FakeGpu {
 public:
  FakeGpu(std::vector<double> swings, std::size_t rounds) : swings_(swings), rounds_(rounds) {}

  void operator()(Samples& samples) {
    for (std::size_t round = 0; round < rounds_; ++round) {
      const double turns = 0.6180339887 * static_cast<double>(runs_);
      const double place = 2 * (turns - std::floor(turns)) - 1;
      for (std::size_t i = 0; i < swings_.size(); ++i) {
        samples[i].push_back(1e-3 * (1 + place * swings_[i]));
      }
      ++runs_;
      now_ += 0.01;
    }
  }

  double now() const { return now_; }
  std::size_t runs() const { return runs_; }

 private:
  std::vector<double> swings_;
  std::size_t rounds_, runs_ = 0;
  double now_ = 1000;
};

std::vector<Timing> repeated(FakeGpu& gpu, std::size_t elements, RepetitionLimits limits) {
  return repeat(
      elements, limits, [&gpu](Samples& samples) { gpu(samples); }, [&gpu] { return gpu.now(); });
}

TEST(Repetition, AQuietMachineIsSettledSoon) {
  FakeGpu gpu({0.001, 0}, 1);
  const std::vector<Timing> timings = repeated(gpu, 2, kLimits);
  for (const Timing& timing : timings) {
    EXPECT_EQ(timing.stopped, Stop::settled);
    EXPECT_EQ(timing.samples, kLimits.enough);
    EXPECT_NEAR(timing.seconds, 1e-3, 2e-6);
  }
}

TEST(Repetition, NoiseTakesMoreSamples) {
  FakeGpu gpu({0.04}, 1);
  const std::vector<Timing> timings = repeated(gpu, 1, kLimits);
  EXPECT_EQ(timings[0].stopped, Stop::settled);
  EXPECT_GT(timings[0].samples, 2 * kLimits.enough);
  EXPECT_LE(timings[0].uncertainty, kLimits.uncertainty);
}

TEST(Repetition, TheTimeLimitEndsWhatDoesNotSettle) {
  FakeGpu gpu({0.5, 0}, 3);
  const std::vector<Timing> timings = repeated(gpu, 2, kLimits);
  EXPECT_EQ(timings[0].stopped, Stop::time_limit);
  EXPECT_EQ(timings[1].stopped, Stop::settled);  // waited for the other one
  EXPECT_EQ(timings[0].samples, timings[1].samples);
  EXPECT_NEAR(gpu.now() - 1000, kLimits.seconds, 0.031);
}

TEST(Repetition, TheFewestSamplesAreTakenWhateverTheTime) {
  FakeGpu gpu({0.5}, 1);
  RepetitionLimits limits = kLimits;
  limits.seconds = 0.001;
  const std::vector<Timing> timings = repeated(gpu, 1, limits);
  EXPECT_EQ(timings[0].samples, limits.fewest);
  EXPECT_EQ(timings[0].stopped, Stop::time_limit);
}

TEST(Repetition, TheSampleLimitHoldsToo) {
  FakeGpu gpu({0.5}, 20);
  RepetitionLimits limits = kLimits;
  limits.seconds = 1e6;
  const std::vector<Timing> timings = repeated(gpu, 1, limits);
  EXPECT_EQ(timings[0].samples, limits.most);
  EXPECT_EQ(timings[0].stopped, Stop::sample_limit);
}

TEST(Repetition, AFailingRoundIsAnError) {
  const auto clock = [] { return 0.0; };
  const auto repeated_with = [&](const TimeRounds& rounds) {
    return message_of([&] { repeat(1, kLimits, rounds, clock); }, ErrorCode::cuda_error);
  };
  EXPECT_EQ(repeated_with([](Samples&) { throw Error(ErrorCode::cuda_error, "on purpose"); }),
            "on purpose");
  // Or else it would never end.
  EXPECT_EQ(repeated_with([](Samples&) {}), "a timed round gave no samples");
}

TEST(Repetition, NothingNeedsNoTime) {
  FakeGpu gpu({}, 1);
  EXPECT_TRUE(repeated(gpu, 0, kLimits).empty());
  EXPECT_EQ(gpu.runs(), 0U);
}

}  // namespace
}  // namespace foldconv::harness
