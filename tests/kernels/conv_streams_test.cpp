// SPDX-License-Identifier: MIT
// run() from several threads on several streams with one plan, and inside a CUDA graph.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "harness/device/objects.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

constexpr ConvProblem kProblem{.n = 2,
                               .h = 14,
                               .w = 14,
                               .c = 64,
                               .k = 72,
                               .r = 3,
                               .s = 3,
                               .pad = {1, 1, 1, 1},
                               .activation = Activation::relu,
                               .residual = true};

ConvPlan plan_of(const TestConv& test) {
  return value_of(test.conv.plan(test.problem));
}

// Device buffers of one run, with inputs of their own.
struct Buffers {
  explicit Buffers(const TestConv& test)
      : x(oracle::encode(test.problem.dtype, test.inputs.x)),
        residual(oracle::encode(test.problem.dtype, test.inputs.residual)),
        y(residual.bytes()) {}

  ConvBuffers pointers() const {
    return {.x = x.data(), .residual = residual.data(), .y = y.data()};
  }

  DeviceBuffer x, residual, y;
};

// The same weights with other inputs.
TestConv with_inputs(const TestConv& test, std::uint64_t seed) {
  const oracle::RawConv raw = oracle::make_raw(test.problem, {.seed = seed});
  TestConv other = test;
  other.inputs.x = raw.x;
  other.inputs.residual = raw.residual;
  return other;
}

void expect_result(const TestConv& test, const Buffers& buffers) {
  expect_within_bound(test, oracle::decode(test.problem.dtype, buffers.y.download()));
}

TEST(ConvStreams, TwoThreadsWithOnePlan) {
  const TestConv base = make_conv(kProblem, {.seed = 41});
  const ConvPlan plan = plan_of(base);
  const TestConv tests[] = {with_inputs(base, 42), with_inputs(base, 43)};
  const Buffers buffers[] = {Buffers(tests[0]), Buffers(tests[1])};
  std::string errors[2];
  const auto work = [&](std::size_t i) {
    const harness::Stream stream = harness::make_stream();
    for (int repeat = 0; repeat < 8 && errors[i].empty(); ++repeat) {
      const Status status = plan.run(buffers[i].pointers(), stream.get());
      if (!status.ok()) errors[i] = status.message();
    }
    if (cudaStreamSynchronize(stream.get()) != cudaSuccess) errors[i] += " synchronisation failed";
  };
  std::thread first(work, 0), second(work, 1);
  first.join();
  second.join();
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(errors[i], "");
    expect_result(tests[i], buffers[i]);
  }
}

// Planning, packing and running at the same time, each thread with its own conv.
TEST(ConvStreams, TwoThreadsFromFoldToResult) {
  std::string errors[2];
  const auto work = [&](std::size_t i) {
    try {
      const TestConv test = make_conv(kProblem, {.seed = 44 + i});
      expect_within_bound(test, run(test));
    } catch (const std::exception& exception) {
      errors[i] = exception.what();
    }
  };
  std::thread first(work, 0), second(work, 1);
  first.join();
  second.join();
  EXPECT_EQ(errors[0], "");
  EXPECT_EQ(errors[1], "");
}

TEST(ConvGraph, ReplayReadsNewInputs) {
  TestConv test = make_conv(kProblem, {.seed = 46});
  const ConvPlan plan = plan_of(test);
  Buffers buffers(test);
  const harness::Stream stream = harness::make_stream();
  const harness::CapturedGraph graph = harness::captured(
      stream.get(), [&](cudaStream_t on) { check(plan.run(buffers.pointers(), on)); });
  EXPECT_EQ(harness::nodes_of(graph).size(), 1u);
  const harness::Executable executable = harness::instantiated(graph);

  const std::vector<std::byte> untouched = buffers.y.download();
  EXPECT_EQ(untouched.front(), std::byte{DeviceBuffer::kPoison}) << "capture must not run";
  for (const std::uint64_t seed : {47, 48, 49}) {
    test = with_inputs(test, seed);
    buffers.x.upload(oracle::encode(test.problem.dtype, test.inputs.x));
    buffers.residual.upload(oracle::encode(test.problem.dtype, test.inputs.residual));
    buffers.y.poison();
    harness::run(executable, stream.get());
    expect_result(test, buffers);
  }
}

// A chain: the second conv reads what the first wrote, in stream order, also within one graph.
TEST(ConvGraph, ChainOfTwo) {
  ConvProblem first_problem = kProblem;
  first_problem.residual = false;
  ConvProblem second_problem{.n = 2, .h = 14, .w = 14, .c = 72, .k = 24};
  const TestConv first = make_conv(first_problem, {.integers = true, .seed = 50});
  TestConv second = make_conv(second_problem, {.integers = true, .seed = 51});
  second.inputs.x = run(first);
  const DeviceBuffer x(oracle::encode(first_problem.dtype, first.inputs.x));
  const DeviceBuffer between(oracle::encode(second_problem.dtype, second.inputs.x).size());
  const DeviceBuffer y(static_cast<std::size_t>(oracle::output_shape(second_problem).elements()) *
                       2);
  const ConvPlan first_plan = plan_of(first), second_plan = plan_of(second);
  const harness::Stream stream = harness::make_stream();
  const harness::CapturedGraph graph = harness::captured(stream.get(), [&](cudaStream_t on) {
    check(first_plan.run({.x = x.data(), .y = between.data()}, on));
    check(second_plan.run({.x = between.data(), .y = y.data()}, on));
  });
  harness::run(harness::instantiated(graph), stream.get());
  expect_exact(second, oracle::decode(second_problem.dtype, y.download()));
}

}  // namespace
}  // namespace foldconv::kernel_tests
