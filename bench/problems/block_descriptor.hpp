// Residual blocks and stages as text, after the manner of benchdnn's convolutions:
//
//   mb1_ih56iw56_ic64mid64oc256_s1x3n"name"
//
// Entries are a key and a number or a word, in any order, with `_` between them or not:
//   mb images (1, unlike benchdnn's 2); ih iw input size, no iw: as the height;
//   ic, mid, oc channels of the input, between a bottleneck's 1x1s, of the output;
//   no mid: a basic block of two 3x3s; s stride, 1 or 2 (1);
//   g groups of a bottleneck's 3x3 (1);
//   v1_5: a bottleneck's stride is on its 3x3 (default), v1: on its first 1x1;
//   proj: the shortcut is a 1x1 convolution. Implied where ic and oc differ or the stride is 2;
//   x blocks (1): this block, then identity blocks of the same mid, oc and g: a stage;
//   n: the rest is a name.
// A repeated key: the last one counts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compute/block_data.hpp"
#include "foldconv/block.hpp"

namespace foldconv::tool {

struct BlockShape {
  int c = 0, middle = 0, k = 0;  // middle 0: a basic block
  int stride = 1;
  StrideAt stride_at = StrideAt::conv2;
  int groups = 1;
  bool projection = false;

  bool basic() const { return middle == 0; }
  friend bool operator==(const BlockShape&, const BlockShape&) = default;
};

// Blocks that run one after the other; more than one: a stage.
struct BlockDescriptor {
  BlockProblem problem;
  std::vector<BlockShape> blocks;
  std::string name;                  // without its quotes; empty where there is none
  std::string text;                  // as it was written
  std::string suffix = {};           // of the label
  std::vector<BlockData> data = {};  // one for each block; empty: random
};

// Errors as those of parse_descriptor().
Result<BlockDescriptor> parse_block_descriptor(std::string_view text);

// The shortest descriptor of the geometry, mb included, without a name. Blocks behind the first are
// those that `x` means.
std::string to_descriptor(const BlockProblem& problem, const std::vector<BlockShape>& blocks);

// What a table calls it: its name, or else its text; and the suffix.
std::string label(const BlockDescriptor& descriptor);

}  // namespace foldconv::tool
