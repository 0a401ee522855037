// SPDX-License-Identifier: MIT
#include "onnx/scope.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "base/utf8.hpp"
#include "onnx/gelu_form.hpp"
#include "onnx/refusal.hpp"
#include "onnx/wire/elements.hpp"
#include "onnx/wire/printable.hpp"

namespace foldconv::onnx {

using host::text;
using wire::printable;

namespace {

void check_name(std::string_view name) {
  if (host::is_one_line(name)) return;
  reject("names are UTF-8 without control characters", printable(name));
}

}  // namespace

Scope::Scope(const wire::GraphProto& graph, wire::TensorFiles& files, const ReadOptions& options)
    : graph_(graph), files_(files), options_(options) {
  find_makers();
  find_gelus();
  cut(options);
}

void Scope::find_makers() {
  for (const wire::TensorProto& tensor : graph_.initializer) {
    if (tensor.name.empty()) reject("an initializer has a name", wire::tensor_text(tensor));
    check_name(tensor.name);
    if (!initializers_.emplace(tensor.name, &tensor).second) {
      reject("one initializer of a name", printable(tensor.name));
    }
  }
  for (const auto* infos : {&graph_.value_info, &graph_.output, &graph_.input}) {
    for (const wire::ValueInfoProto& info : *infos) infos_.insert_or_assign(info.name, &info);
  }
  std::set<std::string_view> inputs;
  for (const wire::ValueInfoProto& info : graph_.input) {
    if (info.name.empty()) reject("an input of the graph has a name", "\"\"");
    check_name(info.name);
    if (!inputs.insert(info.name).second) reject("one input of a name", printable(info.name));
  }
  std::set<std::string_view> outputs;
  for (const wire::ValueInfoProto& info : graph_.output) {
    if (!outputs.insert(info.name).second) reject("one output of a name", printable(info.name));
  }
  for (std::size_t i = 0; i < graph_.node.size(); ++i) {
    for (const std::string_view name : graph_.node[i].output) {
      if (name.empty()) continue;
      check_name(name);
      if (!makers_.emplace(name, i).second || initializers_.contains(name) ||
          inputs.contains(name)) {
        reject("one maker of a tensor", text(printable(name), " is made twice"));
      }
    }
  }
}

void Scope::find_gelus() {
  const auto maker_of = [&](std::string_view tensor) {
    const auto maker = makers_.find(tensor);
    return maker == makers_.end() ? nullptr : &graph_.node[maker->second];
  };
  const auto is_value = [&](std::string_view tensor, float value) {
    return is_constant(tensor, value);
  };
  for (std::size_t i = 0; i < graph_.node.size(); ++i) {
    const std::string_view x = onnx::operand_of_gelu(graph_.node[i], maker_of, is_value);
    if (!x.empty()) gelus_.emplace(i, x);
  }
}

bool Scope::is_constant(std::string_view tensor, float value) const {
  const wire::TensorProto* proto = nullptr;
  if (const auto found = initializers_.find(tensor); found != initializers_.end()) {
    proto = found->second;
  } else if (const auto maker = makers_.find(tensor);
             maker != makers_.end() && graph_.node[maker->second].op_type == "Constant") {
    for (const wire::AttributeProto& attribute : graph_.node[maker->second].attribute) {
      if (attribute.name == "value") proto = attribute.t.get();
    }
  }
  if (proto == nullptr || !wire::is_float(proto->data_type)) return false;
  for (const std::int64_t extent : proto->dims) {
    if (extent != 1) return false;
  }
  const Operand x = operand_of(*proto, files_);
  const Constant* constant = std::get_if<Constant>(&x);
  constexpr float kNear = 1e-4f;  // files have the root of 2 in few digits
  return constant != nullptr && std::abs(constant->values()[0] - value) <= kNear * value;
}

std::string_view Scope::operand_of_gelu(std::size_t index) const {
  const auto found = gelus_.find(index);
  return found == gelus_.end() ? std::string_view() : found->second;
}

void Scope::cut(const ReadOptions& options) {
  const auto exists = [&](std::string_view name) {
    return makers_.contains(name) || initializers_.contains(name) || infos_.contains(name);
  };
  const auto check = [&](std::string_view name, const char* what) {
    if (!exists(name)) {
      reject(text(what, " names a tensor of the file"), printable(name),
             "give the name of one of its tensors");
    }
  };
  for (const auto& [name, values] : options.constants) {
    check(name, "the option constants");
    operands_.emplace(name, bound(name, values));
  }
  for (const std::string& name : options.outputs) {
    check(name, "the option outputs");
    outputs_.push_back(name);
  }
  if (options.outputs.empty()) {
    for (const wire::ValueInfoProto& info : graph_.output) outputs_.push_back(info.name);
  }
  if (outputs_.empty()) reject("a graph has outputs", "none");
  for (const std::string& name : options.inputs) {
    check(name, "the option inputs");
    inputs_.push_back(name);
  }
  if (options.inputs.empty()) {
    for (const wire::ValueInfoProto& info : graph_.input) {
      // Before IR version 4, weights are inputs, too.
      if (initializers_.contains(info.name) || operands_.contains(info.name)) continue;
      inputs_.push_back(info.name);
    }
  }

  const std::set<std::string_view> stops(inputs_.begin(), inputs_.end());
  std::vector<std::string_view> open(outputs_.begin(), outputs_.end());
  std::set<std::size_t> needed;
  used_.insert(open.begin(), open.end());
  while (!open.empty()) {
    const std::string_view name = open.back();
    open.pop_back();
    const auto maker = makers_.find(name);
    if (maker == makers_.end() || stops.contains(name) ||
        options.constants.contains(std::string(name))) {
      continue;
    }
    if (!needed.insert(maker->second).second) continue;
    const auto need = [&](std::string_view input) {
      if (!input.empty() && used_.insert(input).second) open.push_back(input);
    };
    if (const std::string_view x = operand_of_gelu(maker->second); !x.empty()) {
      need(x);
    } else {
      for (const std::string_view input : graph_.node[maker->second].input) need(input);
    }
  }
  nodes_.assign(needed.begin(), needed.end());
}

Operand Scope::bound(std::string_view tensor, const Constant& values) const {
  if (!values.given()) {
    reject("the option constants gives values", printable(tensor), "give them");
  }
  const wire::TypeProto* type = type_of(tensor);
  if (type == nullptr || !type->is_tensor || wire::is_float(type->elem_type)) return values;
  Integers integers{.extents = values.extents(), .values = {}};
  for (const float value : values.values()) {
    if (!(std::abs(value) < 0x1p62f) || value != std::trunc(value)) {
      reject(text("the option constants gives whole numbers for ",
                  wire::element_name(type->elem_type)),
             text(printable(tensor), ": ", value), "give whole numbers");
    }
    integers.values.push_back(Integer::of_number(static_cast<std::int64_t>(value)));
  }
  return integers;
}

std::string Scope::unused_name(std::string name) const {
  while (makers_.contains(name) || initializers_.contains(name) || infos_.contains(name)) {
    name += '_';
  }
  return name;
}

const wire::TypeProto* Scope::type_of(std::string_view tensor) const {
  const auto info = infos_.find(tensor);
  if (info == infos_.end() || !info->second->type) return nullptr;
  return &*info->second->type;
}

const Operand& Scope::operand(std::string_view tensor) {
  const auto known = operands_.find(tensor);
  if (known != operands_.end()) return known->second;
  const auto initializer = initializers_.find(tensor);
  if (initializer == initializers_.end()) {
    const bool later = makers_.contains(tensor);
    reject(later ? "nodes stand behind those that they need" : "each tensor is made by something",
           text(printable(tensor), later ? " is made by a later node, or in a circle" : " is not"),
           later ? "sort the nodes"
                 : "repair how the file is written, or name it in the option inputs");
  }
  return operands_.emplace(tensor, operand_of(*initializer->second, files_)).first->second;
}

}  // namespace foldconv::onnx
