// SPDX-License-Identifier: MIT
#include "onnx/node_cases.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "harness/oracle/rounding.hpp"
#include "onnx/file_bytes.hpp"
#include "onnx/messages.hpp"
#include "onnx/operators.hpp"
#include "onnx/wire/parse.hpp"

namespace foldconv::test {
namespace {

namespace fs = std::filesystem;

template <class Stored>
std::vector<float> floats_of(std::string_view bytes) {
  std::vector<float> values;
  for (std::size_t at = 0; at + sizeof(Stored) <= bytes.size(); at += sizeof(Stored)) {
    Stored value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    values.push_back(static_cast<float>(value));
  }
  return values;
}

std::vector<float> halves_of(std::string_view bytes) {
  return oracle::decode(DataType::f16, std::as_bytes(std::span(bytes)));
}

// Version 1: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
Constant npy_file(const fs::path& path) {
  const std::string bytes = file_bytes(path);
  if (!bytes.starts_with("\x93NUMPY\x01")) return {};
  const std::size_t begin = 10 + static_cast<unsigned char>(bytes[8]) +
                            256 * static_cast<std::size_t>(static_cast<unsigned char>(bytes[9]));
  const std::string header = bytes.substr(10, begin - 10);
  const std::string_view data = std::string_view(bytes).substr(begin);
  const std::string type = header.substr(header.find("'descr': '") + 11, 2);
  Extents extents;
  const char* at = header.c_str() + header.find('(') + 1;
  while (*at != ')') {
    char* end = nullptr;
    extents.push_back(std::strtoll(at, &end, 10));
    at = end + std::strspn(end, ", ");
  }
  const std::map<std::string, std::vector<float> (*)(std::string_view)> types = {
      {"f4", floats_of<float>},
      {"f8", floats_of<double>},
      {"i8", floats_of<std::int64_t>},
      {"i4", floats_of<std::int32_t>},
      {"u1", floats_of<std::uint8_t>},
      {"b1", floats_of<std::uint8_t>},
      {"f2", halves_of}};
  const auto reader = types.find(type);
  return reader == types.end() ? Constant() : Constant(extents, reader->second(data));
}

Constant proto_file(const fs::path& path) {
  const pb::Model model = {.nodes = {pb::node("Cast", {"t"}, {"f"}, {pb::integer("to", 1)})},
                           .initializers = {file_bytes(path) + pb::bytes(8, "t")},
                           .outputs = {pb::value_info("f", {})}};
  const Result<Graph> graph = onnx::read(bytes_of(model.to_bytes()));
  return graph.ok() ? graph->constant_of(graph->find("f")) : Constant();
}

std::vector<fs::path> numbered(const fs::path& folder, const char* stem) {
  std::vector<fs::path> files;
  for (;;) {
    const std::string name = stem + std::to_string(files.size());
    const char* suffix = fs::exists(folder / (name + ".npy")) ? ".npy" : ".pb";
    if (!fs::exists(folder / (name + suffix))) return files;
    files.push_back(folder / (name + suffix));
  }
}

}  // namespace

std::size_t NodeCase::data() const {
  static const std::set<std::string> kAll = {"Add", "Concat", "Mul", "Sub", "Sum"};
  static const std::set<std::string> kNone = {"Constant", "ConstantOfShape"};
  if (kAll.contains(op)) return inputs.size();
  return kNone.contains(op) ? 0 : 1;
}

onnx::ReadOptions NodeCase::options(bool all) const {
  onnx::ReadOptions options;
  for (std::size_t i = all ? 0 : data(); i < inputs.size(); ++i) {
    const Constant values = tensor_file(inputs[i]);
    if (values.given()) options.constants.emplace(input_names[i], values);
  }
  return options;
}

std::vector<NodeCase> node_cases(const fs::path& folder) {
  std::vector<NodeCase> cases;
  for (const auto& entry : fs::directory_iterator(folder)) {
    NodeCase one;
    one.name = entry.path().filename();
    one.model = entry.path() / "model.onnx";
    // bfloat16 is in the files of ONNX 1.12 as uint16, under which name its bits are no numbers.
    if (!fs::exists(one.model) || one.name.find("BFLOAT16") != std::string::npos) continue;
    const std::string bytes = file_bytes(one.model);
    const auto model = onnx::wire::parse(bytes_of(bytes));
    if (!model.ok()) continue;
    const bool known = std::ranges::all_of(model->graph->node, [](const auto& node) {
      return onnx::importer_of(node.op_type) != nullptr;
    });
    // Expanded ones test other operators.
    if (!known || model->graph->node.size() != 1) continue;
    one.op = model->graph->node[0].op_type;
    for (const auto& input : model->graph->input) one.input_names.emplace_back(input.name);
    if (!model->graph->output.empty()) one.output_name = model->graph->output[0].name;
    const fs::path pb = entry.path() / "test_data_set_0";
    const fs::path data = fs::exists(pb) ? pb : entry.path();
    one.inputs = numbered(data, "input_");
    one.outputs = numbered(data, "output_");
    if (one.inputs.size() == one.input_names.size()) cases.push_back(std::move(one));
  }
  std::ranges::sort(cases, {}, &NodeCase::name);
  return cases;
}

Constant tensor_file(const fs::path& path) {
  return path.extension() == ".npy" ? npy_file(path) : proto_file(path);
}

}  // namespace foldconv::test
