// SPDX-License-Identifier: MIT
// What a recorded run of the Hopper probes says about the questions that the kernels and the emulator hang on.
#pragma once

#include <iosfwd>

#include "results.hpp"

namespace foldconv::probes {

// For each question Q1 to Q12: the question, the answer in words, and what it rests on; "not recorded" where its probes
// did not run.
void print_answers(const Results& results, std::ostream& out);

}  // namespace foldconv::probes
