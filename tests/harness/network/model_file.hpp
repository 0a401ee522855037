// SPDX-License-Identifier: MIT
// Networks out of files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "foldconv/graph.hpp"
#include "foldconv/network.hpp"
#include "harness/error.hpp"

namespace foldconv::harness {

// Of an .onnx file, cut at these tensors (none: at its own outputs), or of a .safetensors file with a ResNet's names.
// Throws Error: another file; what foldconv's readers refuse.
Graph read_model(const std::filesystem::path& file, const std::vector<std::string>& outputs = {});

struct ModelInput {
  std::string name;
  Extents extents;             // the model's
  bool channels_last = false;  // n, h, w, c: a transposition is the first that becomes of it
};
std::vector<ModelInput> inputs_of(const Graph& graph);

// Of a network whose only input are images: `n` of them, as large as the model says or, where that is open, as `open`
// says. Throws Error (unsupported): other inputs.
NetworkPlanOptions image_options(const Graph& graph, int n, Extent open);

// A plan's images. Throws Error (unsupported): they have not three channels.
Extent picture_size(const Graph& graph, const NetworkPlanOptions& options);

}  // namespace foldconv::harness
