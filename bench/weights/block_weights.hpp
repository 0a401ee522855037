// A ResNet block out of a state dict, by torchvision's names:
//
//   PREFIX.conv1.weight  PREFIX.bn1.{weight,bias,running_mean,running_var}
//   PREFIX.conv2.weight  PREFIX.bn2...
//   PREFIX.conv3.weight  PREFIX.bn3...             a bottleneck; without conv3 a basic block
//   PREFIX.downsample.0.weight  PREFIX.downsample.1...   where there is one
//
// Each convolution may have a bias (conv1.bias, downsample.0.bias). num_batches_tracked is ignored.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "foldconv/block.hpp"
#include "weights/safetensors.hpp"

namespace foldconv::tool {

// What a state dict does not tell about a block.
struct BlockTraits {
  int stride = 1;  // torchvision's layer2.0, layer3.0 and layer4.0 have 2
  StrideAt stride_at = StrideAt::conv2;
  Epsilon eps{1e-5};  // that of every BatchNorm; PyTorch's default
};

// A convolution and its BatchNorm, in memory of their own.
struct LoadedLayer {
  int k = 0, c_per_group = 0, filter = 0;
  std::vector<float> weight, bias;  // bias: empty where there is none
  std::vector<float> gamma, beta, mean, variance;
};

struct LoadedBlock {
  LoadedLayer conv1, conv2;
  std::optional<LoadedLayer> conv3, downsample;
  int groups = 1;  // of a bottleneck's conv2
  BlockTraits traits;

  bool is_bottleneck() const { return conv3.has_value(); }
  int c() const { return conv1.c_per_group; }           // channels of the block's input
  int k() const { return conv3 ? conv3->k : conv2.k; }  // and output

  // For Bottleneck::create() and BasicBlock::create(); the spans are of this object's memory.
  BottleneckWeights bottleneck() const;   // only if is_bottleneck()
  BasicBlockWeights basic_block() const;  // only if not
};

// Reads the block under `prefix`: "layer1.0", "layer1.0." or, with "", names at top level. Widths,
// groups and downsample are read off the tensors; every shape is checked before a value is read.
// Errors name the file and the tensor, its shape and the wanted one. invalid_argument: missing
// tensors (for a prefix without a block: prefixes that have one), shapes that do not fit, widths
// that do not chain, no downsample where channels or stride change; unsupported: further tensors
// under the prefix, which would change what the block computes, groups anywhere but in a
// bottleneck's conv2; errors of Safetensors::values(). Traits and values are checked by create().
Result<LoadedBlock> load_block(const Safetensors& file, std::string_view prefix,
                               const BlockTraits& traits = {});

}  // namespace foldconv::tool
