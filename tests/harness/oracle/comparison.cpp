// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>
#include <sstream>

#include "harness/oracle/oracle.hpp"

namespace foldconv::oracle {
namespace {

// Error over bound. Equal infinities and expected NaN are no error; an unexpected NaN is an
// infinite one.
double share_of_bound(double got, double expected, double bound) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (std::isnan(expected)) return std::isnan(got) ? 0 : kInfinity;
  if (std::isnan(got)) return kInfinity;
  if (got == expected) return 0;
  if (std::isinf(bound)) return 0;
  const double error = std::fabs(got - expected);
  return bound > 0 ? error / bound : kInfinity;
}

}  // namespace

Comparison compare(std::span<const float> got, const Expected& expected) {
  Comparison result;
  if (got.size() != expected.y.size() || got.empty()) {
    result.worst_share = std::numeric_limits<double>::infinity();
    result.worst_index = -1;
    return result;
  }
  result.worst_share = -1;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double value = got[i];
    const double share = share_of_bound(value, expected.y[i], expected.bound[i]);
    if (std::fabs(value - expected.y[i]) > result.max_abs_error) {
      result.max_abs_error = std::fabs(value - expected.y[i]);
    }
    if (share > result.worst_share) {
      result.worst_share = share;
      result.worst_index = static_cast<std::int64_t>(i);
      result.got = value;
      result.expected = expected.y[i];
      result.bound = expected.bound[i];
    }
  }
  result.pass = result.worst_share <= 1;
  return result;
}

std::string Comparison::to_string() const {
  std::ostringstream text;
  text.precision(9);
  if (worst_index < 0) return "another number of elements than expected";
  text << (pass ? "within the bound" : "OUTSIDE THE BOUND") << ": worst element " << worst_index
       << " got " << got << ", expected " << expected << ", bound " << bound << ", share "
       << worst_share << "; largest absolute error " << max_abs_error;
  return text.str();
}

}  // namespace foldconv::oracle
