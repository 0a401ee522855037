// The report of bench: a row for each implementation of each problem.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "commands/options.hpp"
#include "device.hpp"
#include "measure/measure.hpp"
#include "report/report.hpp"

namespace foldconv::tool {

// A geometric mean over problems.
class GeometricMean {
 public:
  void add(double ratio);  // ratios that are not above 0 do not count
  double value() const;    // 0: of nothing

 private:
  double log_sum_ = 0;
  int count_ = 0;
};

// What the report says about a problem itself.
struct BenchProblem {
  std::string name, label, descriptor;
  double flops = 0;
  double bytes = 0;  // that any implementation must move: every operand once
};

class BenchReport {
 public:
  BenchReport(const Options& options, const Device& device, int label_width, Report& report);

  // Layers are compared with fused, blocks with the planned cut.
  void begin_layers();
  void begin_blocks();
  void rows(const BenchProblem& problem, const std::vector<Measured>& measured);
  void failure(const BenchProblem& problem, const Status& status);
  // Returns the program's exit code.
  int end();

 private:
  void section(const std::vector<std::string>& lines, const std::string& ratio_title);
  int name_width() const;
  double seconds(const Measured& measured) const;
  Row to_row(const BenchProblem& problem, const Measured& measured, double ratio, bool first) const;
  void add_figures(const BenchProblem& problem, const Measured& measured, double ratio,
                   std::vector<std::string>& cells) const;

  const Options& options_;
  bool emulated_, blocks_ = false;
  int label_width_;
  Report& report_;
  std::size_t problems_ = 0, right_ = 0;
  GeometricMean chain_over_fused_, unfused_over_fused_;
  GeometricMean chain_over_planned_, separate_over_planned_;
  GeometricMean cudnn_over_fused_, cudnn_over_planned_;
};

}  // namespace foldconv::tool
