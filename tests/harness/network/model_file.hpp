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
  Extents extents;             // n, c, h, w of images, also where the model has them as n, h, w, c
  bool channels_last = false;  // which it has
};
std::vector<ModelInput> inputs_of(const Graph& graph);

// Of a network whose only input are images: n of them, as large as the model says or, where that is open, as `open`
// says. Throws Error (unsupported): other inputs; images of another number of channels than 3 where `rgb`.
NetworkPlanOptions image_options(const Graph& graph, int n, Extent open, bool rgb = false);

}  // namespace foldconv::harness
