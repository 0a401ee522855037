// The report of bench: a row for each implementation of each problem.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "report/averages.hpp"
#include "report/bench_row.hpp"

namespace foldconv::tool {

class BenchReport {
 public:
  BenchReport(const Options& options, const Device& device, const Roofs& roofs, int label_width,
              Report& report);

  // Layers are compared with fused, blocks with the planned cut.
  void begin_layers();
  void begin_blocks();
  void rows(const BenchProblem& problem, const std::vector<Measured>& measured);
  void failure(const BenchProblem& problem, const Status& status);
  // Returns the program's exit code.
  int end();

 private:
  // Of the problems of a kind that were measured, for each of the figures.
  struct Summary {
    std::size_t problems = 0;
    std::array<Averages, 3> averages;
  };
  void add_means(const Summary& summary, const char* baseline, const std::string& text,
                 Fields& fields, std::vector<std::string>& lines) const;

  bool emulated_, blocks_ = false;
  BenchRows rows_;
  Report& report_;
  std::size_t problems_ = 0, right_ = 0;
  Summary layer_summary_, block_summary_;
};

}  // namespace foldconv::tool
