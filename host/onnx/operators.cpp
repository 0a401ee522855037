// SPDX-License-Identifier: MIT
#include "onnx/operators.hpp"

#include <algorithm>

namespace foldconv::onnx {
namespace {

struct Operator {
  std::string_view name;
  Importer importer;
};

constexpr Operator kOperators[] = {
    {"Add", import_add},
    {"AveragePool", import_average_pool},
    {"BatchNormalization", import_batch_norm},
    {"Cast", import_cast},
    {"Clip", import_clip},
    {"Concat", import_concat},
    {"Constant", import_constant},
    {"ConstantOfShape", import_constant_of_shape},
    {"Conv", import_conv},
    {"Div", import_div},
    {"Dropout", import_dropout},
    {"Expand", import_expand},
    {"Flatten", import_flatten},
    {"Gather", import_gather},
    {"Gelu", import_gelu},
    {"Gemm", import_gemm},
    {"GlobalAveragePool", import_global_average_pool},
    {"GlobalMaxPool", import_global_max_pool},
    {"HardSigmoid", import_hard_sigmoid},
    {"HardSwish", import_hard_swish},
    {"Identity", import_identity},
    {"LRN", import_lrn},
    {"LeakyRelu", import_leaky_relu},
    {"MatMul", import_mat_mul},
    {"MaxPool", import_max_pool},
    {"Mul", import_mul},
    {"Pad", import_pad},
    {"ReduceMean", import_reduce_mean},
    {"Relu", import_relu},
    {"Reshape", import_reshape},
    {"Resize", import_resize},
    {"Shape", import_shape},
    {"Sigmoid", import_sigmoid},
    {"Slice", import_slice},
    {"Softmax", import_softmax},
    {"Split", import_split},
    {"Squeeze", import_squeeze},
    {"Sub", import_sub},
    {"Sum", import_sum},
    {"Swish", import_swish},
    {"Tanh", import_tanh},
    {"Transpose", import_transpose},
    {"Unsqueeze", import_unsqueeze},
    {"Upsample", import_upsample},
};

}  // namespace

Importer importer_of(std::string_view op) {
  const auto* found = std::ranges::find(kOperators, op, &Operator::name);
  return found == std::end(kOperators) ? nullptr : found->importer;
}

}  // namespace foldconv::onnx
