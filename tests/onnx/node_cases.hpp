// SPDX-License-Identifier: MIT
// ONNX's own tests of its operators, as files: a model of one node, its inputs and outputs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "foldconv/graph.hpp"
#include "foldconv/onnx.hpp"

namespace foldconv::test {

struct NodeCase {
  std::string name;
  std::filesystem::path model;
  std::string op;
  std::vector<std::string> input_names;
  std::string output_name;                             // of its first one
  std::vector<std::filesystem::path> inputs, outputs;  // files, one for each of the model's

  // How many of the inputs are data; the others are weights, limits, shapes and the like, which
  // foldconv takes as constants.
  std::size_t data() const;
  // All inputs but the data, bound to their values; `all`: these, too.
  onnx::ReadOptions options(bool all = false) const;
};

// The cases of a folder whose nodes are all of operators that foldconv knows, sorted by name. Two
// forms: NAME/test_data_set_0/input_K.pb as in libonnx-testdata, and NAME/input_K.npy as
// tests/golden/onnx_nodes/make_cases.py writes them.
std::vector<NodeCase> node_cases(const std::filesystem::path& folder);

// A tensor's values as floats, of .npy, or of .pb by foldconv's reader. Not given for types of which
// there are none.
Constant tensor_file(const std::filesystem::path& path);

}  // namespace foldconv::test
