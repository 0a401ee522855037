// Residual blocks out of a state dict, as problems.
#pragma once

#include <vector>

#include "block_descriptor.hpp"
#include "options.hpp"

namespace foldconv::tool {

// The blocks under the options' prefixes, each a problem named after its prefix. Errors: those of
// read_safetensors() and load_block().
Result<std::vector<BlockDescriptor>> read_weights(const Options& options);

}  // namespace foldconv::tool
