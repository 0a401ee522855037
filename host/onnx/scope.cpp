// SPDX-License-Identifier: MIT
#include "onnx/scope.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "onnx/refusal.hpp"
#include "onnx/wire/elements.hpp"
#include "onnx/wire/printable.hpp"

namespace foldconv::onnx {

using host::text;
using wire::printable;

Scope::Scope(const wire::GraphProto& graph, wire::TensorFiles& files, const ReadOptions& options)
    : graph_(graph), files_(files), options_(options) {
  find_makers();
  cut(options);
}

void Scope::find_makers() {
  for (const wire::TensorProto& tensor : graph_.initializer) {
    if (tensor.name.empty()) reject("an initializer has a name", wire::tensor_text(tensor));
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
    if (!inputs.insert(info.name).second) reject("one input of a name", printable(info.name));
  }
  std::set<std::string_view> outputs;
  for (const wire::ValueInfoProto& info : graph_.output) {
    if (!outputs.insert(info.name).second) reject("one output of a name", printable(info.name));
  }
  for (std::size_t i = 0; i < graph_.node.size(); ++i) {
    for (const std::string_view name : graph_.node[i].output) {
      if (name.empty()) continue;
      if (!makers_.emplace(name, i).second || initializers_.contains(name) ||
          inputs.contains(name)) {
        reject("one maker of a tensor", text(printable(name), " is made twice"));
      }
    }
  }
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
    check(name, "ReadOptions::constants");
    operands_.emplace(name, bound(name, values));
  }
  for (const std::string& name : options.outputs) {
    check(name, "ReadOptions::outputs");
    outputs_.push_back(name);
  }
  if (options.outputs.empty()) {
    for (const wire::ValueInfoProto& info : graph_.output) outputs_.push_back(info.name);
  }
  if (outputs_.empty()) reject("a graph has outputs", "none");
  for (const std::string& name : options.inputs) {
    check(name, "ReadOptions::inputs");
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
    for (const std::string_view input : graph_.node[maker->second].input) {
      if (!input.empty() && used_.insert(input).second) open.push_back(input);
    }
  }
  nodes_.assign(needed.begin(), needed.end());
}

Operand Scope::bound(std::string_view tensor, const Constant& values) const {
  if (!values.given()) {
    reject("ReadOptions::constants gives values", printable(tensor), "give them");
  }
  const wire::TypeProto* type = type_of(tensor);
  if (type == nullptr || !type->is_tensor || wire::is_float(type->elem_type)) return values;
  Integers integers{.extents = values.extents(), .values = {}};
  for (const float value : values.values()) {
    if (!(std::abs(value) < 0x1p62f) || value != std::trunc(value)) {
      reject(text("ReadOptions::constants gives whole numbers for ",
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
                 : "repair how the file is written, or name it in ReadOptions::inputs");
  }
  return operands_.emplace(tensor, operand_of(*initializer->second, files_)).first->second;
}

}  // namespace foldconv::onnx
