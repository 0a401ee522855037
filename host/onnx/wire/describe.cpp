// SPDX-License-Identifier: MIT
#include "onnx/wire/describe.hpp"

#include <bit>
#include <cstdint>

#include "base/error.hpp"
#include "base/text.hpp"
#include "onnx/wire/printable.hpp"

namespace foldconv::onnx::wire {
namespace {

using host::text;

std::string hexadecimal(std::uint64_t value, int digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  for (int digit = digits - 1; digit >= 0; --digit) shown += kDigits[value >> (4 * digit) & 15];
  return shown;
}

class Fnv1a {
 public:
  void add(std::string_view bytes) {
    for (const char byte : bytes) {
      hash_ = (hash_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
  }
  std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

class Describer {
 public:
  explicit Describer(TensorFiles& files) : files_(files) {}

  Result<std::string> model(const ModelProto& model) {
    number("ir_version", model.ir_version);
    for (std::size_t i = 0; i < model.opset_import.size(); ++i) {
      const std::string at = text("opset_import[", i, "].");
      string(at + "domain", model.opset_import[i].domain);
      number(at + "version", model.opset_import[i].version);
    }
    string("producer_name", model.producer_name);
    string("producer_version", model.producer_version);
    string("domain", model.domain);
    number("model_version", model.model_version);
    graph("graph.", *model.graph);
    entries("metadata_props", model.metadata_props);
    if (!status_.ok()) return status_;
    return out_;
  }

 private:
  void line(const std::string& at, std::string_view value) {
    ((out_ += at) += " = ") += value;
    out_ += '\n';
  }
  void number(const std::string& at, std::int64_t value) {
    if (value != 0) line(at, text(value));
  }
  void string(const std::string& at, std::string_view value) {
    if (!value.empty()) always_string(at, value);
  }
  void always_string(const std::string& at, std::string_view value) {
    line(at, text('"', escaped(value), '"'));
  }
  void strings(const std::string& at, const std::vector<std::string_view>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) always_string(text(at, "[", i, "]"), values[i]);
  }
  void integers(const std::string& at, const std::vector<std::int64_t>& values) {
    std::string list;
    for (const std::int64_t value : values) list += text(list.empty() ? "" : " ", value);
    if (!values.empty()) line(at, list);
  }
  void entries(const std::string& at, const std::vector<StringStringEntryProto>& entries) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      always_string(text(at, "[", i, "].key"), entries[i].key);
      always_string(text(at, "[", i, "].value"), entries[i].value);
    }
  }

  void graph(const std::string& at, const GraphProto& graph) {
    string(at + "name", graph.name);
    for (std::size_t i = 0; i < graph.node.size(); ++i) {
      node(text(at, "node[", i, "]."), graph.node[i]);
    }
    for (std::size_t i = 0; i < graph.initializer.size(); ++i) {
      tensor(text(at, "initializer[", i, "]."), graph.initializer[i]);
    }
    value_infos(at + "input", graph.input);
    value_infos(at + "output", graph.output);
    value_infos(at + "value_info", graph.value_info);
  }

  void node(const std::string& at, const NodeProto& node) {
    strings(at + "input", node.input);
    strings(at + "output", node.output);
    string(at + "name", node.name);
    string(at + "op_type", node.op_type);
    string(at + "domain", node.domain);
    for (std::size_t i = 0; i < node.attribute.size(); ++i) {
      attribute(text(at, "attribute[", i, "]."), node.attribute[i]);
    }
  }

  void attribute(const std::string& at, const AttributeProto& attribute) {
    string(at + "name", attribute.name);
    string(at + "ref_attr_name", attribute.ref_attr_name);
    number(at + "type", attribute.type);
    if (attribute.f) line(at + "f", hexadecimal(std::bit_cast<std::uint32_t>(*attribute.f), 8));
    if (attribute.i) line(at + "i", text(*attribute.i));
    if (attribute.s) always_string(at + "s", *attribute.s);
    if (attribute.t != nullptr) tensor(at + "t.", *attribute.t);
    if (attribute.g != nullptr) graph(at + "g.", *attribute.g);
    std::string floats;
    for (const float value : attribute.floats) {
      floats += floats.empty() ? "" : " ";
      floats += hexadecimal(std::bit_cast<std::uint32_t>(value), 8);
    }
    if (!attribute.floats.empty()) line(at + "floats", floats);
    integers(at + "ints", attribute.ints);
    strings(at + "strings", attribute.strings);
    for (std::size_t i = 0; i < attribute.tensors.size(); ++i) {
      tensor(text(at, "tensors[", i, "]."), attribute.tensors[i]);
    }
    for (std::size_t i = 0; i < attribute.graphs.size(); ++i) {
      graph(text(at, "graphs[", i, "]."), attribute.graphs[i]);
    }
  }

  void tensor(const std::string& at, const TensorProto& tensor) {
    string(at + "name", tensor.name);
    integers(at + "dims", tensor.dims);
    number(at + "data_type", tensor.data_type);
    number(at + "data_location", tensor.data_location);
    entries(at + "external_data", tensor.external_data);
    Fnv1a fnv;
    std::size_t bytes = 0;
    if (tensor.data_type == kString) {
      for (const std::string_view value : tensor.string_data) {
        const std::uint64_t size = value.size();
        fnv.add({reinterpret_cast<const char*>(&size), sizeof size});
        fnv.add(value);
        bytes += value.size();
      }
    } else {
      const Result<TensorBytes> values = files_.values(tensor);
      if (!values) {
        if (status_.ok()) status_ = host::at(at + "values", values.status());
        return;
      }
      fnv.add(values->bytes);
      bytes = values->bytes.size();
    }
    line(at + "values",
         text(element_name(tensor.data_type), " ", bytes, " bytes ", hexadecimal(fnv.hash(), 16)));
  }

  void value_infos(const std::string& at, const std::vector<ValueInfoProto>& infos) {
    for (std::size_t i = 0; i < infos.size(); ++i) {
      const std::string one = text(at, "[", i, "].");
      string(one + "name", infos[i].name);
      if (!infos[i].type) continue;
      const TypeProto& type = *infos[i].type;
      line(one + "type", type.is_tensor ? "tensor" : "other");
      if (!type.is_tensor) continue;
      number(one + "elem_type", type.elem_type);
      if (type.shape) line(one + "shape", shape(*type.shape));
    }
  }

  static std::string shape(const TensorShapeProto& shape) {
    std::string list;
    for (const Dimension& dimension : shape.dim) {
      list += list.empty() ? "" : " ";
      if (dimension.dim_value) list += text(*dimension.dim_value);
      if (dimension.dim_param) list += text('"', escaped(*dimension.dim_param), '"');
      if (!dimension.dim_value && !dimension.dim_param) list += '?';
    }
    return text("[", list, "]");
  }

  TensorFiles& files_;
  std::string out_;
  Status status_;
};

}  // namespace

Result<std::string> to_text(const ModelProto& model, TensorFiles& files) {
  return Describer(files).model(model);
}

}  // namespace foldconv::onnx::wire
