// Residual blocks out of a state dict, as problems.
#pragma once

#include <vector>

#include "commands/options.hpp"
#include "problems/block_descriptor.hpp"

namespace foldconv::tool {

// The blocks under the options' prefixes, each a problem named after its prefix. Errors: those of
// read_safetensors() and load_block().
Result<std::vector<BlockDescriptor>> read_weights(const Options& options);

}  // namespace foldconv::tool
