// The weights of a residual block, and what they point to.
#pragma once

#include <memory>
#include <variant>

#include "foldconv/block.hpp"

namespace foldconv::tool {

using BlockWeights = std::variant<BottleneckWeights, BasicBlockWeights>;

// Cheap to copy.
struct BlockData {
  BlockWeights weights;
  std::shared_ptr<const void> storage;
};

}  // namespace foldconv::tool
