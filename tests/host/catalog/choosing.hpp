// SPDX-License-Identifier: MIT
// Choosing kernels for problems of a line each, on the figures of devices that need not be there, from catalogs that need
// not be compiled.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/select.hpp"
#include "cost/device_speed.hpp"
#include "host/device_figures.hpp"

namespace foldconv::test {

inline constexpr host::DeviceFigures kRtx3090 = {86, 82, 101376};
inline constexpr host::DeviceFigures kT4 = {75, 40, 65536};

// With an A100's clocks; every kernel as often on an SM as its tile asks for.
inline host::Target target_of(const host::DeviceFigures& device) {
  return {device, host::speed_of({}, device),
          [](const host::ConvKernel& kernel, const host::LaunchShape&) -> Result<int> {
            if (kernel.grouped != nullptr) return kernel.grouped->min_ctas_per_sm;
            return kernel.tile != nullptr ? kernel.tile->min_ctas_per_sm : 1;
          }};
}

using Kernels = std::vector<host::ConvKernel>;

// What choose() chooses from: the compiled kernels, but in tests of EveryCatalog (every_catalog.hpp).
inline Kernels& catalog() {
  static Kernels kernels(host::conv_kernels().begin(), host::conv_kernels().end());
  return kernels;
}

// A kernel of a tile by hand: its rules and figures, whichever tiles the catalog has.
inline host::ConvKernel made_up(const char* name, const ConvTile& tile,
                                ConvLoader loader = ConvLoader::load_1x1, host::Arch arch = {80}) {
  return {name, DataType::f16, arch, nullptr, loader, &tile, "made up"};
}

inline ConvProblem conv(int n, int size, int c, int k, int filter, DataType dtype = DataType::f16) {
  const int pad = filter / 2;
  return {.dtype = dtype,
          .n = n,
          .h = size,
          .w = size,
          .c = c,
          .k = k,
          .r = filter,
          .s = filter,
          .pad = {pad, pad, pad, pad}};
}

inline ConvProblem grouped(ConvProblem problem, int groups) {
  problem.groups = groups;
  return problem;
}

inline host::Choice choose(const ConvProblem& problem, const host::DeviceFigures& device = kA100,
                           std::string_view pin = {}) {
  EXPECT_TRUE(validate(problem).ok()) << validate(problem).message();
  const auto choice = host::select(problem, {.kernel = pin}, target_of(device), catalog());
  EXPECT_TRUE(choice.ok()) << choice.status().message();
  return choice.ok() ? *choice : host::Choice{};
}

inline std::string chosen(const ConvProblem& problem, const host::DeviceFigures& device = kA100) {
  const host::Choice choice = choose(problem, device);
  return choice.kernel == nullptr ? "" : choice.kernel->name;
}

// Why `kernel` was not chosen for `problem`.
inline std::string refusal(const ConvProblem& problem, std::string_view kernel,
                           const host::DeviceFigures& device = kA100) {
  for (const Refusal& refused : choose(problem, device).refused) {
    if (refused.kernel == kernel) return refused.reason;
  }
  return "";
}

inline testing::AssertionResult has(const std::string& text,
                                    std::initializer_list<const char*> parts) {
  for (const char* part : parts) {
    if (text.find(part) == std::string::npos) {
      return testing::AssertionFailure() << "\"" << text << "\" lacks \"" << part << "\"";
    }
  }
  return testing::AssertionSuccess();
}

inline bool starts(const std::string& text, std::string_view with) {
  return text.starts_with(with);
}

}  // namespace foldconv::test
