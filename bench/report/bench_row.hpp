// What bench says about one implementation of one problem: fields for programs, cells for people.
#pragma once

#include <string>
#include <vector>

#include "commands/options.hpp"
#include "device.hpp"
#include "measure/measure.hpp"
#include "report/report.hpp"

namespace foldconv::tool {

// What the report says about a problem itself.
struct BenchProblem {
  std::string name, label, descriptor;
  int images = 0;
  Work work = {};  // that any implementation must do: every operand once
};

// What a row says times of: floor times of the model, or times with a cold or a warm L2 cache.
enum class Figure { floor, cold, warm };
const char* to_string(Figure figure);

// Seconds; 0: not known, or of a wrong result.
double seconds_of(const Measured& measured, Figure figure);

class BenchRows {
 public:
  BenchRows(const Options& options, const Device& device, int label_width);

  // Those that are compared.
  const std::vector<Figure>& figures() const { return figures_; }

  std::vector<Column> columns(bool blocks) const;
  // `first`: of its problem. `baseline`: what others are compared with.
  Row row(const BenchProblem& problem, const Measured& measured, const Measured& baseline,
          bool blocks, bool first) const;

 private:
  int name_width(bool blocks) const;
  std::vector<std::string> cells(const Measured& measured, const Measured& baseline) const;

  bool emulated_, has_cudnn_;
  std::vector<Figure> figures_;
  int label_width_;
};

}  // namespace foldconv::tool
