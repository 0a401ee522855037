// SPDX-License-Identifier: MIT
// What a witness (cuDNN on a GPU) computes for small problems, as files for the tests: a safetensors file
// for each, FOLDER/NAME.safetensors, with
//   its metadata   who computed it (gpu, driver, cuda, cudnn), the engines, one for each convolution,
//                  and of a layer "problem", problem_text(), of a block "block", its descriptor, and "dtype"
//   x, y           NHWC in the dtype; of a layer with a residual "residual", too
//   weights, gamma, beta
//                  KCRS in the dtype, k, k in fp32, as the engine read them, for it scale and bias: a
//                  BatchNorm of mean 0, variance 1 and eps 0, which are not there; of a block for each
//                  convolution: "conv1.weights", "downsample.gamma"
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cudnn/contest.hpp"
#include "harness/problem/problem.hpp"

namespace foldconv::cudnn {

struct RecordedProblem {
  std::string name;
  harness::Problem problem;  // without data
  ScalePlacement placement = ScalePlacement::weights;
  bool batch_norm = true;
};
// Layers with every epilogue, stride, padding, dilation and grouping, and one block of each kind, in f16 and
// bf16; some layers in f32, too.
std::vector<RecordedProblem> recorded_problems();

struct Run {
  std::string engine;
  std::shared_ptr<const oracle::ConvInputs> parameters;  // as the engine read them
  harness::Bytes y;
};

// One convolution by the witness: x and residual encoded in the dtype. `exact`: scale and bias may not
// be rounded to the dtype. Throws Error (unsupported): it does not take the problem.
using ConvWitness =
    std::function<Run(const ConvProblem& problem, const FoldedConv& folded, const harness::Bytes& x,
                      const harness::Bytes& residual, bool exact)>;

// cuDNN: the first of its engines that is right; those that round scale and bias only where no other is.
ConvWitness witness_of(const Search& search);

using Metadata = std::map<std::string, std::string>;
struct Recording {
  struct Tensor {
    DataType dtype;  // to which the values are rounded
    std::vector<std::int64_t> shape;
    std::vector<float> values;
  };
  Metadata metadata;
  std::map<std::string, Tensor> tensors;
};
// Of a block convolution by convolution, each rounded to the dtype; a projection is one of its own.
Recording record(const RecordedProblem& recorded, const ConvWitness& compute);

// All files together stay below this.
inline constexpr std::size_t kMostRecordedBytes = 4'000'000;

struct Recorded {
  std::size_t files = 0, bytes = 0;
  std::vector<std::string> refused;  // "name: why", of what the witness does not take
};
// Every problem; `who` stands in every file; `next` is told the name of each before it begins. Throws Error: a file
// that cannot be written, too many bytes.
Recorded record_all(
    const std::filesystem::path& folder, const Metadata& who, const ConvWitness& compute,
    const std::function<void(const std::string& name)>& next = [](const std::string&) {});

}  // namespace foldconv::cudnn
