// SPDX-License-Identifier: MIT
// ONNX operators: each reads a node, and makes what it makes in the graph or on the host.
#pragma once

#include <string_view>

#include "onnx/node.hpp"

namespace foldconv::onnx {

using Importer = void (*)(Node& node);

// Null where an operator is not taken.
Importer importer_of(std::string_view op);

// images.cpp
void import_conv(Node& node);
void import_batch_norm(Node& node);
void import_max_pool(Node& node);
void import_average_pool(Node& node);
void import_global_average_pool(Node& node);
void import_global_max_pool(Node& node);
void import_reduce_mean(Node& node);
void import_resize(Node& node);
void import_upsample(Node& node);

// elementwise.cpp
void import_relu(Node& node);
void import_leaky_relu(Node& node);
void import_lrn(Node& node);
void import_clip(Node& node);
void import_sigmoid(Node& node);
void import_tanh(Node& node);
void import_hard_sigmoid(Node& node);
void import_hard_swish(Node& node);
void import_gelu(Node& node);
void import_swish(Node& node);
void import_add(Node& node);
void import_sub(Node& node);
void import_mul(Node& node);
void import_div(Node& node);
void import_sum(Node& node);
void import_identity(Node& node);
void import_dropout(Node& node);
void import_cast(Node& node);

// matrices.cpp
void import_gemm(Node& node);
void import_mat_mul(Node& node);
void import_softmax(Node& node);

// shapes.cpp
void import_flatten(Node& node);
void import_reshape(Node& node);
void import_squeeze(Node& node);
void import_unsqueeze(Node& node);
void import_transpose(Node& node);
void import_expand(Node& node);

// parts.cpp
void import_concat(Node& node);
void import_split(Node& node);
void import_slice(Node& node);
void import_gather(Node& node);
void import_pad(Node& node);

// constants.cpp
void import_constant(Node& node);
void import_constant_of_shape(Node& node);
void import_shape(Node& node);

}  // namespace foldconv::onnx
