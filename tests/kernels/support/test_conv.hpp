// SPDX-License-Identifier: MIT
// A convolution with data: folded, packed on the device, run by a pinned kernel, judged by the
// oracle.
#pragma once

#include <string_view>
#include <vector>

#include "foldconv/foldconv.hpp"
#include "harness/oracle/oracle.hpp"
#include "kernels/support/device_buffer.hpp"

namespace foldconv::kernel_tests {

struct TestConv {
  ConvProblem problem;
  oracle::ConvInputs inputs;  // what the kernel reads, as the folded conv holds it
  Conv conv;

  oracle::Expected expected() const { return oracle::conv(problem, inputs); }
};

// Throws std::runtime_error if folding or packing fails.
TestConv make_conv(const ConvProblem& problem, const oracle::RawConv& raw,
                   ScalePlacement placement = ScalePlacement::automatic);
inline TestConv make_conv(const ConvProblem& problem, const oracle::RawOptions& options,
                          ScalePlacement placement = ScalePlacement::automatic) {
  return make_conv(problem, oracle::make_raw(problem, options), placement);
}

struct RunOptions {
  std::string_view kernel = {};  // pinned; empty: the least time by the model
  Instructions instructions = Instructions::automatic;
  Guards guards = Guards::shifted;
  bool in_place = false;  // the residual is y's buffer
};

// One run into a poisoned y: its bytes. Throws if planning or running fails; reports a test failure
// if an input or a guard band changed.
harness::Bytes run_bytes(const TestConv& test, const RunOptions& options = {});
std::vector<float> run(const TestConv& test, const RunOptions& options = {});

// Whether `kernel` takes the problem.
bool takes(const TestConv& test, std::string_view kernel);

// Reports a test failure unless every element is the oracle's, rounded once.
void expect_exact(const TestConv& test, const oracle::Expected& expected,
                  const std::vector<float>& got);
inline void expect_exact(const TestConv& test, const std::vector<float>& got) {
  expect_exact(test, test.expected(), got);
}

// Reports a test failure unless every element lies within the oracle's bound.
void expect_within_bound(const TestConv& test, const oracle::Expected& expected,
                         const std::vector<float>& got);
inline void expect_within_bound(const TestConv& test, const std::vector<float>& got) {
  expect_within_bound(test, test.expected(), got);
}

}  // namespace foldconv::kernel_tests
