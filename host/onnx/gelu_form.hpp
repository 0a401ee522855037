// SPDX-License-Identifier: MIT
// Gelu as files wrote it before it was an operator: x * 0.5 * (1 + Erf(x / sqrt(2))).
#pragma once

#include <functional>
#include <string_view>

#include "onnx/wire/messages.hpp"

namespace foldconv::onnx {

// What makes a tensor, or null.
using MakerOf = std::function<const wire::NodeProto*(std::string_view tensor)>;
// Whether a tensor is a constant of one element, of about this value.
using IsConstant = std::function<bool(std::string_view tensor, float value)>;

// The x of a product that has this form, in any order of its factors; empty for all other nodes.
std::string_view operand_of_gelu(const wire::NodeProto& product, const MakerOf& maker_of,
                                 const IsConstant& is_constant);

}  // namespace foldconv::onnx
