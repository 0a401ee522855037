// SPDX-License-Identifier: MIT
// The tensors of a graph of the file by name: what makes each of them, and what it is once that was read.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "foldconv/onnx.hpp"
#include "onnx/operand.hpp"
#include "onnx/wire/messages.hpp"

namespace foldconv::onnx {

class Scope {
 public:
  // Everything outlives the scope. Rejects tensors that are made twice.
  Scope(const wire::GraphProto& graph, wire::TensorFiles& files, const ReadOptions& options);

  // The network's inputs and outputs: the file's, or where it is cut. Rejects names that are not there.
  const std::vector<std::string_view>& inputs() const { return inputs_; }
  const std::vector<std::string_view>& outputs() const { return outputs_; }
  // The nodes between them, by number, in the order of the file.
  const std::vector<std::size_t>& nodes() const { return nodes_; }
  // Where node `index` ends the form of a gelu, whose other nodes are then not needed: its operand; else empty.
  std::string_view operand_of_gelu(std::size_t index) const;
  bool is_used(std::string_view tensor) const { return used_.contains(tensor); }
  // A name that no tensor of the file has.
  std::string unused_name(std::string name) const;
  // What the file says of a tensor's type, or null.
  const wire::TypeProto* type_of(std::string_view tensor) const;

  // Of an attribute.
  Operand read(const wire::TensorProto& tensor) const { return operand_of(tensor, files_); }
  // The values of the tensor. Rejects one that nothing makes, or a later node.
  const Operand& operand(std::string_view tensor);
  void set(std::string_view tensor, Operand value) {
    operands_.insert_or_assign(tensor, std::move(value));
  }

 private:
  void find_makers();
  void find_gelus();
  bool is_constant(std::string_view tensor, float value) const;
  void cut(const ReadOptions& options);
  Operand bound(std::string_view tensor, const Constant& values) const;

  const wire::GraphProto& graph_;
  wire::TensorFiles& files_;
  const ReadOptions& options_;
  std::unordered_map<std::string_view, const wire::TensorProto*> initializers_;
  std::unordered_map<std::string_view, const wire::ValueInfoProto*> infos_;
  std::unordered_map<std::string_view, std::size_t> makers_;  // nodes
  std::unordered_map<std::size_t, std::string_view> gelus_;   // operands, by node
  std::unordered_map<std::string_view, Operand> operands_;
  std::vector<std::string_view> inputs_, outputs_;
  std::vector<std::size_t> nodes_;
  std::set<std::string_view> used_;
};

}  // namespace foldconv::onnx
