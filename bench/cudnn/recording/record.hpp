// SPDX-License-Identifier: MIT
// Has a witness compute the small problems, and writes what it says.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cudnn/cudnn.hpp"
#include "cudnn/recording/problems.hpp"
#include "cudnn/recording/recording.hpp"
#include "cudnn/ways.hpp"

namespace foldconv::cudnn {

struct Run {
  std::string engine;
  Parameters parameters;  // as the engine stored them
  harness::Bytes y;
};

// One convolution by the witness: x and residual encoded in the dtype. `exact`: scale and bias may not
// be rounded to the dtype. Throws Error (unsupported): it does not take the problem.
using ConvWitness =
    std::function<Run(const ConvProblem& problem, const Parameters& parameters,
                      const harness::Bytes& x, const harness::Bytes& residual, bool exact)>;

// cuDNN: the first of its engines that is right; those that round scale and bias only where no other is.
ConvWitness witness_of(const Search& search);

ConvRecording record(const RecordedConv& recorded, const ConvWitness& compute);
// Convolution by convolution, each rounded to the dtype; a projection is one of its own.
BlockRecording record(const RecordedBlock& recorded, const ConvWitness& compute);

// All files together stay below this.
inline constexpr std::size_t kMostRecordedBytes = 4'000'000;

// Every problem. Throws Error: a file that cannot be written, too many bytes.
tool::Recorded record_all(const std::filesystem::path& folder, const Witness& witness,
                          const ConvWitness& compute);

}  // namespace foldconv::cudnn
