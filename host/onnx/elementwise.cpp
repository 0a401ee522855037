// SPDX-License-Identifier: MIT
// Operators that take each element by itself.
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "onnx/known.hpp"
#include "onnx/operators.hpp"
#include "onnx/refusal.hpp"
#include "onnx/wire/elements.hpp"
#include "onnx/wire/printable.hpp"

namespace foldconv::onnx {
namespace {

using host::text;

void activate(Node& node, const Activation& activation) {
  node.set(node.graph.activate(node.data(0), activation, node.result_name()));
}

// Where both operands are known. Old opsets broadcast by attributes; 7 and later as NumPy does.
bool compute(Node& node, Arithmetic operation) {
  if (!node.all_known()) return false;
  node.set(computed(operation, node.operand(0), node.operand(1), node.budget));
  return true;
}

// Each value of a constant, changed, as a tensor of the graph.
template <class Change>
Value changed(Node& node, std::size_t index, const char* name, Change&& change) {
  const Constant constant = node.floats(index, "operands");
  std::vector<float> values;
  values.reserve(constant.values().size());
  for (const float value : constant.values()) values.push_back(change(value));
  return node.graph.constant(Constant(constant.extents(), std::move(values)), node.hidden(name));
}

Value scalar_constant(Node& node, float value, const char* name) {
  return node.graph.constant(Constant({}, std::vector<float>{value}), node.hidden(name));
}

}  // namespace

void import_relu(Node& node) {
  activate(node, Activation::relu);
}
void import_leaky_relu(Node& node) {
  activate(node, Activation::leaky_relu(node.number("alpha", 0.01f)));
}
void import_sigmoid(Node& node) {
  activate(node, Activation::sigmoid);
}
void import_tanh(Node& node) {
  activate(node, Activation::tanh);
}
void import_hard_sigmoid(Node& node) {
  activate(node, Activation::hard_sigmoid(node.number("alpha", 0.2f), node.number("beta", 0.5f)));
}
void import_hard_swish(Node& node) {
  activate(node, Activation::hardswish);
}

void import_gelu(Node& node) {
  const std::string approximate = node.text("approximate", "none");
  if (approximate != "none") {
    refuse("the exact form of gelu", text("approximate ", wire::printable(approximate)),
           "export it with approximate=\"none\"");
  }
  activate(node, Activation::gelu);
}

void import_swish(Node& node) {
  const float alpha = node.number("alpha", 1);
  if (alpha != 1) refuse("alpha 1", text(alpha), "scale by Mul before");
  activate(node, Activation::silu);
}

void import_clip(Node& node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  // The default of old opsets is the largest number, not infinity.
  const float none = node.opset() < 11 ? std::numeric_limits<float>::max() : kInfinity;
  float low = -none, high = none;
  if (node.opset() < 11) {
    low = node.number("min", low);
    high = node.number("max", high);
  } else {
    if (node.has(1)) low = node.scalar(1, "min");
    if (node.has(2)) high = node.scalar(2, "max");
  }
  if (!(low <= high)) {
    refuse("min up to max", text(low, " to ", high), "give limits in order");
  }
  if (low == 0 && high == 6) return activate(node, Activation::relu6);
  if (low == 0 && high >= std::numeric_limits<float>::max()) {
    return activate(node, Activation::relu);
  }
  activate(node, Activation::clip(low, high));
}

void import_add(Node& node) {
  if (compute(node, Arithmetic::add)) return;
  node.set(node.graph.add(node.data(0), node.data(1), node.result_name()));
}

void import_mul(Node& node) {
  if (compute(node, Arithmetic::multiply)) return;
  node.set(node.graph.multiply(node.data(0), node.data(1), node.result_name()));
}

void import_sub(Node& node) {
  if (compute(node, Arithmetic::subtract)) return;
  Value negative;
  if (is_known(node.operand(1))) {
    negative = changed(node, 1, "negative", [](float value) { return -value; });
  } else {
    negative = node.graph.multiply(node.data(1), scalar_constant(node, -1, "minus_one"),
                                   node.hidden("negative"));
  }
  node.set(node.graph.add(node.data(0), negative, node.result_name()));
}

void import_div(Node& node) {
  if (compute(node, Arithmetic::divide)) return;
  const Value reciprocal = changed(node, 1, "reciprocal", [](float value) { return 1 / value; });
  node.set(node.graph.multiply(node.data(0), reciprocal, node.result_name()));
}

void import_sum(Node& node) {
  if (node.operands() == 0) reject("one operand or more", "none");
  Value sum = node.data(0);
  if (node.operands() == 1) {
    node.set(node.graph.identity(sum, node.result_name()));
    return;
  }
  for (std::size_t i = 1; i < node.operands(); ++i) {
    const std::string name =
        i + 1 == node.operands() ? std::string(node.result_name()) : node.hidden(text("sum_", i));
    sum = node.graph.add(sum, node.data(i), name);
  }
  node.set(sum);
}

void import_identity(Node& node) {
  if (is_known(node.operand(0))) {
    node.set(node.operand(0));
    return;
  }
  node.set(node.graph.identity(node.data(0), node.result_name()));
}

void import_dropout(Node& node) {
  node.refuse_result(1, "mask of Dropout");
  for (const char* name : {"ratio", "seed"}) node.ignore(name);
  if (node.opset() >= 12 && node.has(2)) {
    if (!is_known(node.operand(2)) || node.scalar(2, "training_mode") != 0) {
      refuse("Dropout of inference", "training_mode is not false",
             "export the model for inference: model.eval()");
    }
  }
  import_identity(node);
}

void import_cast(Node& node) {
  for (const char* name : {"saturate", "round_mode"}) node.ignore(name);  // of 8-bit floats
  const auto type = static_cast<std::int32_t>(node.integer("to", 0));
  if (is_known(node.operand(0))) {
    node.set(cast(node.operand(0), type));
    return;
  }
  if (!wire::is_float(type)) {
    refuse("casts of data between types of floats", wire::element_name(type), "keep floats");
  }
  node.set(node.graph.identity(node.data(0), node.result_name()));
}

}  // namespace foldconv::onnx
