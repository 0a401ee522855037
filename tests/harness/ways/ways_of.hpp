// SPDX-License-Identifier: MIT
// A problem with data, and ways to compute it, for the tests of ways.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "harness/problem/data.hpp"
#include "harness/problem/text.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::harness {

inline constexpr ConvProblem kLayer{.dtype = DataType::f16,
                                    .n = 2,
                                    .h = 6,
                                    .w = 5,
                                    .c = 64,
                                    .k = 24,
                                    .r = 3,
                                    .s = 3,
                                    .pad = {1, 1, 1, 1},
                                    .activation = Activation::relu,
                                    .residual = true};

inline Problem filled_block(const std::string& text, const DataOptions& data = {},
                            const Settings& settings = {}) {
  Problem problem = parse_block(text);
  apply(settings, problem);
  fill(problem, data);
  return problem;
}

inline Problem filled_layer(const ConvProblem& conv, const DataOptions& data = {}) {
  Problem problem = make_layer(conv);
  fill(problem, data);
  return problem;
}

// All of foldconv's, on the device.
class Ways {
 public:
  explicit Ways(Problem problem)
      : problem_(std::move(problem)),
        tensors_(problem_),
        all(make_ways(foldconv_ways(), problem_, tensors_,
                      [](const std::string&) { return true; })) {}

  const Problem& problem() const { return problem_; }
  const Way& find(const std::string& name) const {
    const auto found = std::ranges::find(all, name, &Way::name);
    EXPECT_NE(found, all.end()) << name;
    return found == all.end() ? all.front() : *found;
  }

 private:
  Problem problem_;
  Tensors tensors_;

 public:
  std::vector<Way> all;
};

}  // namespace foldconv::harness
