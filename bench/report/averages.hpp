// SPDX-License-Identifier: MIT
// Geometric means over problems.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace foldconv::tool {

class GeometricMean {
 public:
  void add(double ratio);  // ratios that are not above 0 do not count
  double value() const;    // 0: of nothing
  std::size_t count() const { return count_; }

 private:
  double log_sum_ = 0;
  std::size_t count_ = 0;
};

// One for each way, in the order of their first appearance.
class Averages {
 public:
  struct Average {
    std::string way;
    GeometricMean mean;
    bool compared = false;  // with another than itself
  };

  // `compared`: with another than itself.
  void add(const std::string& way, double ratio, bool compared);
  // Those that stand for `problems` problems (means over fewer compare what is not alike) and are
  // not always the baseline.
  std::vector<Average> of_all(std::size_t problems) const;

 private:
  std::vector<Average> averages_;
};

}  // namespace foldconv::tool
