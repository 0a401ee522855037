// SPDX-License-Identifier: MIT
// A node of the file, as the operators read it: attributes, operands and results, each checked.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "foldconv/graph.hpp"
#include "onnx/operand.hpp"
#include "onnx/wire/messages.hpp"

namespace foldconv::onnx {

// Tensors by name, while the nodes are walked.
class Scope;

class Node {
 public:
  Node(const wire::NodeProto& proto, int opset, Graph& to_graph, Scope& scope, Budget& to_budget);

  int opset() const { return opset_; }
  std::string_view op() const { return proto_.op_type; }
  Graph& graph;
  Budget& budget;

  // Attributes. One that no operator reads is refused: it may change what the node does.
  bool has_attribute(std::string_view name);
  std::int64_t integer(std::string_view name, std::int64_t otherwise);
  bool flag(std::string_view name, bool otherwise) { return integer(name, otherwise) != 0; }
  float number(std::string_view name, float otherwise);
  std::string text(std::string_view name, std::string_view otherwise);
  std::optional<std::vector<std::int64_t>> integers(std::string_view name);
  std::vector<float> numbers(std::string_view name);
  Operand tensor(std::string_view name);
  void ignore(std::string_view name) { read_.insert(name); }
  void check_attributes() const;

  // Operands, from 0 on. An optional one may be left out, or have an empty name.
  std::size_t operands() const { return proto_.input.size(); }
  bool has(std::size_t index) const {
    return index < proto_.input.size() && !proto_.input[index].empty();
  }
  const Operand& operand(std::size_t index) const;
  bool all_known() const;  // on the host
  bool is_data(std::size_t index) const;
  // As a tensor of the graph: constants become one.
  Value data(std::size_t index) { return data(operand_name(index)); }
  Value data(std::string_view tensor);
  // As values that are known. `what` for messages: "weights".
  Constant floats(std::size_t index, const char* what) const;
  // Finite ones.
  Constant weights(std::size_t index, const char* what) const;
  std::vector<Integer> shape(std::size_t index, const char* what) const;
  std::vector<std::int64_t> known_integers(std::size_t index, const char* what) const;
  // One value, whatever its extents.
  float scalar(std::size_t index, const char* what) const;

  // From the attribute in old opsets, else from the operand; nothing where there is neither.
  std::optional<std::vector<std::int64_t>> attribute_or_operand(std::string_view name,
                                                                std::size_t index,
                                                                int operand_since);

  // Results.
  std::size_t results() const { return proto_.output.size(); }
  std::string_view result_name(std::size_t index = 0) const;
  bool result_is_used(std::size_t index) const;
  void refuse_result(std::size_t index, const char* what) const;  // where it is used
  void set(Operand value, std::size_t index = 0);
  // A name for a tensor between operand and result.
  std::string hidden(std::string_view what) const;

 private:
  const wire::AttributeProto* find(std::string_view name, std::int32_t type, const char* kind);
  std::string_view operand_name(std::size_t index) const;

  const wire::NodeProto& proto_;
  int opset_;
  Scope& scope_;
  std::set<std::string_view> read_;
};

// A number of the file as an int; `what` for messages.
int to_int(std::int64_t number, const char* what);

// An axis from 0 on, of one that may be negative. Refused outside of the rank.
std::size_t axis_of(std::int64_t axis, std::size_t rank);

}  // namespace foldconv::onnx
