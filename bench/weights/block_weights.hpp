// SPDX-License-Identifier: MIT
// A ResNet block out of a state dict, by torchvision's names:
//
//   PREFIX.conv1.weight  PREFIX.bn1.{weight,bias,running_mean,running_var}
//   PREFIX.conv2.weight  PREFIX.bn2...
//   PREFIX.conv3.weight  PREFIX.bn3...             a bottleneck; without conv3 a basic block
//   PREFIX.downsample.0.weight  PREFIX.downsample.1...   where there is one
//
// Each convolution may have a bias (conv1.bias, downsample.0.bias). num_batches_tracked is ignored.
#pragma once

#include <string_view>

#include "foldconv/safetensors.hpp"
#include "harness/problem/problem.hpp"

namespace foldconv::tool {

// What a state dict does not tell about a block.
struct BlockTraits {
  int stride = 1;
  StrideAt stride_at = StrideAt::conv2;
  Epsilon eps{1e-5};  // that of every BatchNorm; PyTorch's default
};

// The block under `prefix`: "layer1.0", "layer1.0." or, with "", names at top level, as a problem of
// one image of this size, named after its prefix; the weights are in its storage. Widths, groups and
// downsample are read off the tensors; every shape is checked before a value is read. Throws Error,
// naming the file and the tensor, its shape and the wanted one. invalid_argument: missing tensors
// (for a prefix without a block: prefixes that have one), shapes that do not fit, widths that do not
// chain, no downsample where channels or stride change; unsupported: further tensors under the
// prefix, which would change what the block computes, groups anywhere but in a bottleneck's conv2;
// errors of StateDict::tensor(). Traits and values are checked by the library.
harness::Problem load_block(const safetensors::StateDict& file, std::string_view prefix,
                            const BlockTraits& traits = {}, Extent size = {56, 56});

}  // namespace foldconv::tool
