// SPDX-License-Identifier: MIT
#include "onnx/gelu_form.hpp"

#include <array>
#include <numbers>

namespace foldconv::onnx {
namespace {

// A node of two operands, of ONNX's own operators.
bool is_binary(const wire::NodeProto* node, std::string_view op) {
  return node != nullptr && node->op_type == op && node->input.size() == 2 &&
         (node->domain.empty() || node->domain == "ai.onnx");
}

struct Form {
  const MakerOf& maker_of;
  const IsConstant& is_constant;

  // The x of 1 + Erf(x / sqrt(2)).
  std::string_view operand_of_sum(std::string_view sum) const {
    const wire::NodeProto* add = maker_of(sum);
    if (!is_binary(add, "Add")) return {};
    for (const int one : {0, 1}) {
      if (!is_constant(add->input[static_cast<std::size_t>(one)], 1)) continue;
      const wire::NodeProto* erf = maker_of(add->input[static_cast<std::size_t>(1 - one)]);
      if (erf != nullptr && erf->op_type == "Erf" && erf->input.size() == 1) {
        return operand_of_quotient(erf->input[0]);
      }
    }
    return {};
  }

  // The x of x / sqrt(2).
  std::string_view operand_of_quotient(std::string_view quotient) const {
    constexpr auto kRoot = static_cast<float>(std::numbers::sqrt2);
    const wire::NodeProto* node = maker_of(quotient);
    if (is_binary(node, "Div") && is_constant(node->input[1], kRoot)) return node->input[0];
    if (!is_binary(node, "Mul")) return {};
    if (is_constant(node->input[1], 1 / kRoot)) return node->input[0];
    return is_constant(node->input[0], 1 / kRoot) ? node->input[1] : std::string_view();
  }

  // The x of three factors: x, a half and the sum.
  std::string_view operand_of(const std::array<std::string_view, 3>& factors) const {
    for (std::size_t sum = 0; sum < 3; ++sum) {
      const std::string_view x = operand_of_sum(factors[sum]);
      const std::string_view a = factors[(sum + 1) % 3], b = factors[(sum + 2) % 3];
      if (x.empty()) continue;
      if ((a == x && is_constant(b, 0.5f)) || (b == x && is_constant(a, 0.5f))) return x;
    }
    return {};
  }
};

}  // namespace

std::string_view operand_of_gelu(const wire::NodeProto& product, const MakerOf& maker_of,
                                 const IsConstant& is_constant) {
  if (!is_binary(&product, "Mul")) return {};
  const Form form{maker_of, is_constant};
  for (const std::size_t inner : {std::size_t{0}, std::size_t{1}}) {
    const wire::NodeProto* node = maker_of(product.input[inner]);
    if (!is_binary(node, "Mul")) continue;
    const std::string_view x =
        form.operand_of({node->input[0], node->input[1], product.input[1 - inner]});
    if (!x.empty()) return x;
  }
  return {};
}

}  // namespace foldconv::onnx
