// SPDX-License-Identifier: MIT
// The report of bench: a row for each way to compute each problem.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "measure/measure.hpp"
#include "report/averages.hpp"
#include "report/report.hpp"

namespace foldconv::tool {

// What the report says about a problem itself.
struct BenchProblem {
  std::string name, label, descriptor;
  bool blocks = false;
  int images = 0;
  harness::Work work = {};  // that any way must do: every operand once
};

// What a row says times of: floor times of the model, or times with a cold or a warm L2 cache.
enum class Figure { floor, cold, warm };
const char* to_string(Figure figure);

// Seconds; 0: not known, or of a wrong result.
double seconds_of(const Measured& measured, Figure figure);

// One row: a way beside the one that it is compared with, what plan() takes.
struct BenchRow {
  const BenchProblem& problem;
  const Measured& way;
  const Measured& baseline;
  bool first = true;  // of its problem

  double seconds(Figure figure) const { return seconds_of(way, figure); }
  double over_baseline(Figure figure) const;  // 0: not known
};

class BenchReport {
 public:
  // `figures`: those that are compared; cold and warm are times, floor is counted.
  BenchReport(Writer& writer, const Heading& heading, std::vector<Figure> figures, int label_width);

  void rows(const BenchProblem& problem, const std::vector<Measured>& measured);
  void failure(const BenchProblem& problem, const std::string& reason);
  // Whether all were right. `more`: for the summary.
  bool end(Fields more = {});

 private:
  // Of the problems of a kind that were measured, for each of the figures.
  struct Summary {
    std::size_t problems = 0;
    std::array<Averages, 3> averages;
  };

  std::vector<Figure> figures_;
  int label_width_;
  Report<BenchRow> report_;
  std::size_t problems_ = 0, right_ = 0;
  std::map<std::string, Summary> summaries_;  // by kind: block, layer
};

// The columns, for what documents them.
std::vector<Column<BenchRow>> bench_columns(const std::vector<Figure>& figures, int label_width);

}  // namespace foldconv::tool
