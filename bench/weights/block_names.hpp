// SPDX-License-Identifier: MIT
// Which blocks there are in a state dict, by torchvision's names: a block has a conv1.weight and a conv2.weight, a
// stage is numbered blocks under one prefix.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foldconv/safetensors.hpp"

namespace foldconv::tool {

// The prefix of the tensors' names in a module: with a dot, "" at top level.
std::string dotted(std::string_view prefix);

// Whether the block under the prefix has a convolution on its shortcut.
bool has_downsample(const safetensors::StateDict& file, std::string_view prefix);

// The prefixes of the blocks under `prefix`, without a dot at the end: itself, where it is a block's, or those of its
// numbered blocks ("layer2": "layer2.0", "layer2.1", ..., in the order of their numbers). Throws Error.
// invalid_argument: neither is there (the message names prefixes that are), or a number is missing; unsupported: under
// a stage's prefix there are tensors of no block.
std::vector<std::string> blocks_under(const safetensors::StateDict& file, std::string_view prefix);

// Throws Error, naming the file.
[[noreturn]] void refuse(const safetensors::StateDict& file, const std::string& what,
                         ErrorCode code = ErrorCode::invalid_argument);

// Throws Error: there is no such tensor, which every block has; prefixes that there are.
[[noreturn]] void refuse_prefix(const safetensors::StateDict& file,
                                const std::string& missing_tensor);

}  // namespace foldconv::tool
