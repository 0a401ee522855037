// SPDX-License-Identifier: MIT
// Two runs of the probes side by side.
#pragma once

#include <iosfwd>

#include "results.hpp"

namespace foldconv::probes {

struct Comparison {
  int same = 0;
  int different = 0;     // exact probes whose words differ, and probes that failed on one side
  int may_differ = 0;    // rounding of tensor cores: told, no failure
  int not_compared = 0;  // not supported on one side, or not there
};

// Words that only one has count, too.
std::size_t differing_words(const Words& a, const Words& b);

// Prints each difference: the name, the first word that differs, both values, how many differ.
// Timings, notes and expectations are not looked at. Approximate probes: the distance in units of
// the last place is told, no failure.
Comparison compare(const Results& a, const Results& b, std::ostream& out);

}  // namespace foldconv::probes
