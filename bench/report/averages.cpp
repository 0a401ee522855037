// SPDX-License-Identifier: MIT
#include "report/averages.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace foldconv::tool {

void GeometricMean::add(double ratio) {
  if (!(ratio > 0)) return;
  log_sum_ += std::log(ratio);
  ++count_;
}

double GeometricMean::value() const {
  return count_ == 0 ? 0 : std::exp(log_sum_ / static_cast<double>(count_));
}

void Averages::add(const std::string& way, double ratio, bool compared) {
  auto found = std::ranges::find(averages_, way, &Average::way);
  if (found == averages_.end()) found = averages_.insert(found, {way, {}, false});
  found->mean.add(ratio);
  found->compared = found->compared || compared;
}

std::vector<Averages::Average> Averages::of_all(std::size_t problems) const {
  std::vector<Average> complete;
  std::ranges::copy_if(averages_, std::back_inserter(complete), [&](const Average& average) {
    return average.compared && average.mean.count() == problems;
  });
  return complete;
}

}  // namespace foldconv::tool
