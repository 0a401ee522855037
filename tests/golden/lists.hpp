// SPDX-License-Identifier: MIT
// The problems of the shipped lists, by name. The only place here that knows how lists are read.
#pragma once

#include <string>
#include <vector>

#include "foldconv/foldconv.hpp"

namespace foldconv::golden {

struct ListedLayer {
  std::string name;  // "resnet50 layer1.0.conv1": list and layer
  ConvProblem problem;
};

struct BlockShape {
  int c = 0, middle = 0, k = 0;  // middle 0: a basic block
  int stride = 1;
  StrideAt stride_at = StrideAt::conv2;
  int groups = 1;
  bool projection = false;
  int depthwise = 0;  // of an inverted block: its filter's size
  bool residual = false;
  int pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;  // of the depthwise

  friend auto operator<=>(const BlockShape&, const BlockShape&) = default;
};

// A block, or a stage: several.
struct ListedBlocks {
  std::string name;  // "resnet50_stages stage2": list and block
  Images problem;
  std::vector<BlockShape> blocks;
};

struct Lists {
  std::vector<ListedLayer> layers;
  std::vector<ListedBlocks> blocks;
};

// Every list of bench/shapes, in alphabetical order. Throws std::runtime_error where one cannot be read.
Lists shipped_lists();

}  // namespace foldconv::golden
