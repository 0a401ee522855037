// SPDX-License-Identifier: MIT
// What a witness (cuDNN on a GPU) computed for small problems, as files for the tests:
//   FOLDER/*.safetensors          convolutions: "problem" of their metadata is problem_text()
//   FOLDER/blocks/                residual blocks and their index.txt, as tests/golden/blocks has them
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::cudnn {

// Who computed it; stands in every file.
struct Witness {
  std::string gpu, driver, cuda, cudnn;
};

struct ConvRecording {
  std::string name;  // of the file, without its extension
  ConvProblem problem;
  std::vector<float> x, residual;  // exact in the dtype; no residual: empty
  std::vector<float> weights;      // KCRS, exact in the dtype
  std::vector<float> scale, bias;  // k
  std::vector<float> y;            // exact in the dtype
  std::string engine;              // that computed it
};

// Each writes one file and returns its size. Throws Error (invalid_argument): it cannot be written.
std::size_t write(const std::filesystem::path& folder, const ConvRecording& recording,
                  const Witness& witness);

struct LayerRecording {
  std::string conv, batch_norm;  // torchvision's names: "conv1", "bn1"
  int k = 0, c_per_group = 0, r = 1;
  std::vector<float> weights;  // KCRS, exact in the dtype
  std::vector<float> gamma, beta, mean, variance;
};

struct BlockRecording {
  std::string name;
  DataType dtype = DataType::f16;
  bool bottleneck = true;
  int middle = 0, stride = 1, groups = 1;
  StrideAt stride_at = StrideAt::conv2;
  bool downsample = false;
  std::string eps;  // of every BatchNorm, as text: "1e-05"
  Shape input, output;
  std::vector<LayerRecording> layers;  // the downsample last
  std::vector<float> x, y;             // exact in the dtype
  std::string engines;
};
// Its line of blocks/index.txt, and the first line of that file.
std::string index_line(const BlockRecording& recording);
std::string index_heading(const Witness& witness);

std::size_t write(const std::filesystem::path& folder, const BlockRecording& recording,
                  const Witness& witness);

}  // namespace foldconv::cudnn
