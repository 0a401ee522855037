// SPDX-License-Identifier: MIT
// The report of bench: a row for each way to compute each problem.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "measure/measure.hpp"
#include "report/report.hpp"

namespace foldconv::tool {

// What a row says times of: floor times of the model, or times with a cold or a warm L2 cache.
enum class Figure { floor, cold, warm };

class BenchReport {
 public:
  // `figures`: those that are compared; cold and warm are times, floor is counted. `kernels`: the ways that are
  // compared with the first of them that is right; none: all ways, with the planned one.
  BenchReport(Writer& writer, const Heading& heading, std::vector<Figure> figures, int label_width,
              std::vector<std::string> kernels = {});

  void rows(const harness::Problem& problem, const std::vector<Measured>& measured);
  void failure(const harness::Problem& problem, const std::string& reason);
  // Whether all were right. `more`: for the summary.
  bool end(const Fields& more = {});

 private:
  // How a way compares with the baseline: a geometric mean over the problems of a kind.
  struct Mean {
    std::string way, baseline;
    double log_sum = 0;
    std::size_t count = 0;
    bool compared = false;  // with another than itself
  };
  struct Summary {
    std::size_t problems = 0;                     // that were measured
    std::array<std::vector<Mean>, 3> means = {};  // of each figure
  };

  // What the others are compared with; where there is none, one of which nothing is known.
  const Measured& baseline_of(const std::vector<Measured>& measured) const;
  void row(const harness::Problem& problem, const harness::Work& least, const Measured& measured,
           const Measured& baseline, bool first);
  void add_to_summary(const harness::Problem& problem, const Measured& measured,
                      const Measured& baseline);

  Writer& writer_;
  std::vector<Figure> figures_;
  std::vector<std::string> kernels_;
  int label_width_;
  std::size_t problems_ = 0, right_ = 0;
  std::size_t untaken_ = 0;                   // by any of the kernels
  std::map<std::string, Summary> summaries_;  // by kind: block, layer
};

}  // namespace foldconv::tool
