// Has a witness compute the small problems, and writes what it says.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "compute/cudnn_conv.hpp"
#include "recording/problems.hpp"
#include "recording/recording.hpp"

namespace foldconv::tool {

// One convolution by the witness, as first_right_run(): x and residual encoded in the dtype.
using ConvWitness = std::function<Result<CudnnRun>(
    const ConvProblem& problem, const CudnnParameters& parameters, const std::vector<std::byte>& x,
    const std::vector<std::byte>& residual, bool exact)>;

// Errors: the witness's, and those of fold().
Result<ConvRecording> record(const RecordedConv& recorded, const ConvWitness& compute);
// Convolution by convolution, each rounded to the dtype; a projection is one of its own.
Result<BlockRecording> record(const RecordedBlock& recorded, const ConvWitness& compute);

struct Recorded {
  std::size_t files = 0, bytes = 0;
  std::vector<std::string> refused;  // "name: why", of what the witness does not take
};

// All files together stay below this.
inline constexpr std::size_t kMostRecordedBytes = 4'000'000;

// cuDNN: the engine that its heuristics prefer, or the first of some more that is right. The session
// must outlive it.
ConvWitness cudnn_witness(const cudnn::Session& session);

// Every problem. Errors: a file that cannot be written, too many bytes.
Result<Recorded> record_all(const std::filesystem::path& folder, const Witness& witness,
                            const ConvWitness& compute);

}  // namespace foldconv::tool
