// SPDX-License-Identifier: MIT
// The messages of an ONNX file (onnx.proto3 of ONNX 1.23, IR version 14), as far as they are read. Text and values are
// views into the bytes that were parsed: these must outlive them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace foldconv::onnx::wire {

// A repeated field of numbers, as encoded. Writers may pack it into one run, or into several; each
// number that is not packed is a run by itself.
struct Numbers {
  std::vector<std::string_view> runs;

  bool empty() const noexcept { return runs.empty(); }
};

struct OperatorSetIdProto {
  std::string_view domain;
  std::int64_t version = 0;
};

struct StringStringEntryProto {
  std::string_view key, value;
};

struct Dimension {
  std::optional<std::int64_t> dim_value;  // of this and the next at most one
  std::optional<std::string_view> dim_param;
};

struct TensorShapeProto {
  std::vector<Dimension> dim;
};

struct TypeProto {
  // Of a tensor; nothing for sequences, maps, optionals and sparse tensors.
  bool is_tensor = false;
  std::int32_t elem_type = 0;
  std::optional<TensorShapeProto> shape;  // absent: any rank
};

struct ValueInfoProto {
  std::string_view name;
  std::optional<TypeProto> type;
};

struct TensorProto {
  std::string_view name;
  std::vector<std::int64_t> dims;
  std::int32_t data_type = 0;
  Numbers float_data, int32_data, int64_data, double_data, uint64_data;
  std::vector<std::string_view> string_data;
  std::optional<std::string_view> raw_data;
  std::vector<StringStringEntryProto> external_data;
  std::int32_t data_location = 0;  // 1: in external_data
};

struct GraphProto;

struct AttributeProto {
  std::string_view name, ref_attr_name;
  std::int32_t type = 0;
  std::optional<float> f;
  std::optional<std::int64_t> i;
  std::optional<std::string_view> s;
  std::unique_ptr<TensorProto> t;
  std::unique_ptr<GraphProto> g;
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
  std::vector<std::string_view> strings;
  std::vector<TensorProto> tensors;
  std::vector<GraphProto> graphs;
};

struct NodeProto {
  std::vector<std::string_view> input, output;
  std::string_view name, op_type, domain;
  std::vector<AttributeProto> attribute;
};

struct GraphProto {
  std::string_view name;
  std::vector<NodeProto> node;
  std::vector<TensorProto> initializer;
  std::vector<ValueInfoProto> input, output, value_info;
};

struct ModelProto {
  std::int64_t ir_version = 0;
  std::vector<OperatorSetIdProto> opset_import;
  std::string_view producer_name, producer_version, domain;
  std::int64_t model_version = 0;
  std::unique_ptr<GraphProto> graph;
  std::vector<StringStringEntryProto> metadata_props;
};

}  // namespace foldconv::onnx::wire
