// SPDX-License-Identifier: MIT
// fc_graph: networks that are read from weights. What reads ONNX is in onnx.cpp, or onnx_absent.cpp.
#include "c/error.hpp"
#include "c/objects.hpp"
#include "c/options.hpp"
#include "foldconv/models.hpp"
#include "foldconv/safetensors.hpp"

namespace c = foldconv::c;
using foldconv::Graph;
using foldconv::Result;
using foldconv::Status;

fc_code fc_resnet_read_file(const char* path, const fc_resnet_options* options, fc_graph** graph,
                            fc_error* error) {
  return c::made(graph, "graph", error, [&]() -> Result<fc_graph*> {
    if (Status status = c::check_given(path, "path"); !status.ok()) return status;
    const auto read = c::resnet_options(options);
    if (!read.ok()) return read.status();
    const auto weights = foldconv::safetensors::StateDict::read(path);
    if (!weights.ok()) return weights.status();
    const Result<Graph> made = foldconv::models::resnet(*weights, *read);
    if (!made.ok()) return made.status();
    return new fc_graph{*made};
  });
}

void fc_graph_free(fc_graph* graph) {
  delete graph;
}
