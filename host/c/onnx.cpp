// SPDX-License-Identifier: MIT
// What reads ONNX.
#include "foldconv/onnx.hpp"

#include <memory>
#include <utility>

#include "base/text.hpp"
#include "c/error.hpp"
#include "c/objects.hpp"
#include "c/options.hpp"
#include "c/problems.hpp"
#include "c/structs.hpp"

namespace c = foldconv::c;
namespace onnx = foldconv::onnx;
using foldconv::Graph;
using foldconv::Result;
using foldconv::Status;

namespace foldconv::c {
namespace {

Result<onnx::ReadOptions> onnx_options(const fc_onnx_options* given) {
  const Result<fc_onnx_options> read = read_struct(given);
  if (!read.ok()) return read.status();
  auto inputs = names(read->inputs, read->input_count, "fc_onnx_options::inputs");
  if (!inputs.ok()) return inputs.status();
  auto outputs = names(read->outputs, read->output_count, "fc_onnx_options::outputs");
  if (!outputs.ok()) return outputs.status();
  return onnx::ReadOptions{.inputs = std::move(*inputs), .outputs = std::move(*outputs)};
}

// Where a model is.
Result<std::filesystem::path> source(const char* path) {
  if (Status status = check_given(path, "path"); !status.ok()) return status;
  return std::filesystem::path(path);
}
Result<std::span<const std::byte>> source(const void* bytes, std::size_t size) {
  if (Status status = check_given(bytes, "bytes"); !status.ok()) return status;
  return std::span(static_cast<const std::byte*>(bytes), size);
}

template <class Source>
Result<fc_graph*> read(const Result<Source>& from, const fc_onnx_options* given) {
  if (!from.ok()) return from.status();
  const Result<onnx::ReadOptions> options = onnx_options(given);
  if (!options.ok()) return options.status();
  const Result<Graph> graph = onnx::read(*from, *options);
  if (!graph.ok()) return graph.status();
  return new fc_graph{*graph};
}

template <class Source>
Result<fc_problems*> inspect(const Result<Source>& from, const fc_onnx_options* given) {
  if (!from.ok()) return from.status();
  const Result<onnx::ReadOptions> options = onnx_options(given);
  if (!options.ok()) return options.status();
  const Result<std::vector<onnx::Problem>> found = onnx::inspect(*from, *options);
  if (!found.ok()) return found.status();
  auto problems = std::make_unique<fc_problems>();
  for (const onnx::Problem& problem : *found) {
    problems->list.push_back({static_cast<fc_code>(problem.code), problem.opset, problem.node,
                              problem.op, problem.rule, problem.value, problem.shape,
                              problem.remedy, problem.to_string()});
  }
  return problems.release();
}

}  // namespace
}  // namespace foldconv::c

fc_code fc_onnx_read_file(const char* path, const fc_onnx_options* options, fc_graph** graph,
                          fc_error* error) {
  return c::made(graph, "graph", error, [&] { return c::read(c::source(path), options); });
}

fc_code fc_onnx_read(const void* bytes, size_t size, const fc_onnx_options* options,
                     fc_graph** graph, fc_error* error) {
  return c::made(graph, "graph", error, [&] { return c::read(c::source(bytes, size), options); });
}

fc_code fc_onnx_inspect_file(const char* path, const fc_onnx_options* options,
                             fc_problems** problems, fc_error* error) {
  return c::made(problems, "problems", error, [&] { return c::inspect(c::source(path), options); });
}

fc_code fc_onnx_inspect(const void* bytes, size_t size, const fc_onnx_options* options,
                        fc_problems** problems, fc_error* error) {
  return c::made(problems, "problems", error,
                 [&] { return c::inspect(c::source(bytes, size), options); });
}
