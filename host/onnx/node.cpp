// SPDX-License-Identifier: MIT
#include "onnx/node.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "onnx/refusal.hpp"
#include "onnx/scope.hpp"
#include "onnx/wire/printable.hpp"

namespace foldconv::onnx {
namespace {

using wire::printable;

// AttributeProto.AttributeType
constexpr std::int32_t kFloat = 1, kInt = 2, kString = 3, kTensor = 4, kFloats = 6, kInts = 7;

}  // namespace

Node::Node(const wire::NodeProto& proto, int opset, Graph& to_graph, Scope& scope,
           Budget& to_budget)
    : graph(to_graph), budget(to_budget), proto_(proto), opset_(opset), scope_(scope) {}

const wire::AttributeProto* Node::find(std::string_view name, std::int32_t type, const char* kind) {
  read_.insert(name);
  for (const wire::AttributeProto& attribute : proto_.attribute) {
    if (attribute.name != name) continue;
    if (!attribute.ref_attr_name.empty()) {
      refuse(host::text(name, " stands in the node"),
             host::text("taken from ", printable(attribute.ref_attr_name)),
             "inline the model's functions");
    }
    if (attribute.type != type && attribute.type != 0) {
      reject(host::text(name, " is ", kind), host::text("attribute type ", attribute.type));
    }
    return &attribute;
  }
  return nullptr;
}

bool Node::has_attribute(std::string_view name) {
  return std::ranges::any_of(proto_.attribute,
                             [&](const auto& attribute) { return attribute.name == name; });
}

std::int64_t Node::integer(std::string_view name, std::int64_t otherwise) {
  const wire::AttributeProto* attribute = find(name, kInt, "an integer");
  return attribute != nullptr ? attribute->i.value_or(0) : otherwise;
}

float Node::number(std::string_view name, float otherwise) {
  const wire::AttributeProto* attribute = find(name, kFloat, "a float");
  return attribute != nullptr ? attribute->f.value_or(0) : otherwise;
}

std::string Node::text(std::string_view name, std::string_view otherwise) {
  const wire::AttributeProto* attribute = find(name, kString, "text");
  return std::string(attribute != nullptr ? attribute->s.value_or("") : otherwise);
}

std::optional<std::vector<std::int64_t>> Node::integers(std::string_view name) {
  const wire::AttributeProto* attribute = find(name, kInts, "a list of integers");
  if (attribute == nullptr) return std::nullopt;
  return attribute->ints;
}

std::vector<float> Node::numbers(std::string_view name) {
  const wire::AttributeProto* attribute = find(name, kFloats, "a list of floats");
  return attribute != nullptr ? attribute->floats : std::vector<float>();
}

Operand Node::tensor(std::string_view name) {
  const wire::AttributeProto* attribute = find(name, kTensor, "a tensor");
  if (attribute == nullptr || attribute->t == nullptr) {
    reject(host::text(name, " is a tensor"), "nothing");
  }
  return scope_.read(*attribute->t);
}

void Node::check_attributes() const {
  for (const wire::AttributeProto& attribute : proto_.attribute) {
    if (read_.contains(attribute.name)) continue;
    refuse("attribute not taken", printable(attribute.name), "remove it");
  }
}

std::string_view Node::operand_name(std::size_t index) const {
  if (!has(index)) {
    reject(host::text("operand ", index, " is there"), "it is left out");
  }
  return proto_.input[index];
}

const Operand& Node::operand(std::size_t index) const {
  return scope_.operand(operand_name(index));
}

bool Node::all_known() const {
  for (std::size_t i = 0; i < operands(); ++i) {
    if (has(i) && !is_known(operand(i))) return false;
  }
  return true;
}

bool Node::is_data(std::size_t index) const {
  return std::holds_alternative<Value>(operand(index));
}

Value Node::data(std::string_view tensor) {
  const Operand& x = scope_.operand(tensor);
  if (const Value* value = std::get_if<Value>(&x)) return *value;
  if (std::holds_alternative<Integers>(x)) {
    refuse("data are floats", host::text("integers ", printable(tensor)), "cast them to float");
  }
  // Once, under its own name.
  const Value value = graph.find(tensor);
  return value != Value{} ? value : graph.constant(std::get<Constant>(x), tensor);
}

Constant Node::floats(std::size_t index, const char* what) const {
  const Operand& x = operand(index);
  if (const Constant* constant = std::get_if<Constant>(&x)) return *constant;
  if (std::holds_alternative<Integers>(x)) {
    refuse(host::text(what, " are floats"), host::text("integers ", printable(operand_name(index))),
           "store them as floats");
  }
  refuse(host::text(what, " are constants of the file"),
         host::text(printable(operand_name(index)), " is computed, or an input"),
         "make it an initializer, or give its values by the option constants");
}

Constant Node::weights(std::size_t index, const char* what) const {
  Constant constant = floats(index, what);
  const auto values = constant.values();
  const auto found =
      std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (found != values.end()) {
    reject(host::text(what, " are finite"),
           host::text(printable(operand_name(index)), "[", found - values.begin(), "] = ", *found),
           "repair the checkpoint");
  }
  return constant;
}

std::vector<Integer> Node::shape(std::size_t index, const char* what) const {
  const Operand& x = operand(index);
  const Integers* integers = std::get_if<Integers>(&x);
  if (integers == nullptr) {
    refuse(host::text(what, " are integers of the file, or of shapes"),
           host::text(printable(operand_name(index)), is_known(x) ? " are floats" : " is computed"),
           "make it an initializer, or give its values by the option constants");
  }
  if (integers->extents.size() > 1) {
    reject(host::text(what, " are a list"), to_string(integers->extents));
  }
  return integers->values;
}

std::vector<std::int64_t> Node::known_integers(std::size_t index, const char* what) const {
  std::vector<std::int64_t> numbers;
  for (const Integer& integer : shape(index, what)) {
    if (integer.kind != Integer::Kind::number) {
      refuse(host::text(what, " are known"),
             host::text(printable(operand_name(index)), " depends on an extent that is open"),
             "fix the extents of the model's inputs");
    }
    numbers.push_back(integer.number);
  }
  return numbers;
}

float Node::scalar(std::size_t index, const char* what) const {
  const Operand& x = operand(index);
  if (const Integers* integers = std::get_if<Integers>(&x)) {
    if (integers->values.size() == 1 && integers->values[0].kind == Integer::Kind::number) {
      return static_cast<float>(integers->values[0].number);
    }
  }
  const Constant constant = floats(index, what);
  if (constant.values().size() != 1) {
    reject(host::text(what, " is one value"), to_string(constant.extents()));
  }
  return constant.values()[0];
}

std::optional<std::vector<std::int64_t>> Node::attribute_or_operand(std::string_view name,
                                                                    std::size_t index,
                                                                    int operand_since) {
  if (opset_ < operand_since) return integers(name);
  if (!has(index)) return std::nullopt;
  return known_integers(index, std::string(name).c_str());
}

std::string_view Node::result_name(std::size_t index) const {
  if (index >= proto_.output.size() || proto_.output[index].empty()) {
    reject(host::text("result ", index, " has a name"), "it has none");
  }
  return proto_.output[index];
}

bool Node::result_is_used(std::size_t index) const {
  return index < proto_.output.size() && !proto_.output[index].empty() &&
         scope_.is_used(proto_.output[index]);
}

void Node::refuse_result(std::size_t index, const char* what) const {
  if (!result_is_used(index)) return;
  refuse(host::text("no ", what), printable(proto_.output[index]), "do without it");
}

void Node::set(Operand value, std::size_t index) {
  scope_.set(result_name(index), std::move(value));
}

std::string Node::hidden(std::string_view what) const {
  return scope_.unused_name(host::text(result_name(), "/", what));
}

int to_int(std::int64_t number, const char* what) {
  if (number >= std::numeric_limits<int>::min() && number <= std::numeric_limits<int>::max()) {
    return static_cast<int>(number);
  }
  refuse(host::text(what, " of 32 bits"), host::text(number), "use a smaller one");
}

std::size_t axis_of(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis >= -signed_rank && axis < signed_rank) {
    return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
  }
  reject("axes that the tensor has", host::text("axis ", axis, " of ", rank));
}

}  // namespace foldconv::onnx
