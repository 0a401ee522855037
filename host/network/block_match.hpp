// SPDX-License-Identifier: MIT
// Blocks as operations of a graph, before they become one.
#pragma once

#include <string>

#include "network/rewriter.hpp"

namespace foldconv::host {

// A block that ends in some operation, or which rule of Block::create() the operations around it break.
struct BlockMatch {
  op::Block block;
  int x = -1;  // its input
  std::string broken;
};

// A convolution's form as blocks have it: r x r, padded by r / 2, not dilated, one stride.
bool has_form(const ConvNode& conv, int r);

// An inverted block that ends in this convolution. `broken` is empty, too, where no depthwise convolution alone is before
// it: then x is -1.
BlockMatch match_inverted(Rewriter& rewriter, const GraphNode& last);

}  // namespace foldconv::host
