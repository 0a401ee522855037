// SPDX-License-Identifier: MIT
// What happens to a graph before it runs: pass by pass, each a function of the graph alone. None changes what is
// computed, nor where it is rounded other than foldconv/network.hpp says.
#pragma once

#include <string>
#include <vector>

#include "foldconv/network.hpp"
#include "graph/graph_data.hpp"

namespace foldconv::host {

using Remarks = std::vector<NetworkRemark>;

// Drops what computes nothing, and what nothing reads; a transpose behind an input becomes the input's layout.
void clean_pass(GraphData& graph, Remarks& remarks);

// x * sigmoid(x) is silu; x * hard_sigmoid(x), x * clip(x + 3, 0, 6) / 6 are hardswish.
void pattern_pass(GraphData& graph, Remarks& remarks);

// BatchNorm, and sums and products with a constant for each channel, into the convolution or linear layer before them;
// else into one BatchNorm. Zeros around an image into the convolution's padding. Errors: of arrays that fold() would
// refuse.
Status affine_pass(GraphData& graph, Remarks& remarks);

// Activations into what makes their input.
void activation_pass(GraphData& graph, Remarks& remarks);

// A sum into the convolution that makes one of its operands: the one that is computed later.
void residual_pass(GraphData& graph, Remarks& remarks);

// Residual and inverted blocks, and runs of them, into stages.
void block_pass(GraphData& graph, Remarks& remarks);

// The first convolution, and the max-pool behind it, into a stem, for data types that have one.
void stem_pass(GraphData& graph, DataType dtype, Remarks& remarks);

// Squeeze and excite: the gates of a tensor into one operation, their product with it into the 1x1 behind. The last pass:
// the others know no convolution with a gate.
void gate_pass(GraphData& graph, DataType dtype, Remarks& remarks);

// All that `options` ask for, in order.
Status run_passes(GraphData& graph, const NetworkOptions& options, Remarks& remarks);

}  // namespace foldconv::host
