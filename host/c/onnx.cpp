// SPDX-License-Identifier: MIT
// What reads ONNX.
#include "foldconv/onnx.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

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

using host::text;

constexpr std::int64_t kMostValues = (std::int64_t{1} << 40) - 1;

Result<Constant> constant_of(const fc_constant& given, std::string_view what) {
  Result<Extents> extents = extents_of(given.extents, text(what, ".extents"));
  if (!extents.ok()) return extents.status();
  std::int64_t count = 1;
  for (const std::int64_t extent : *extents) {
    if (extent < 1 || __builtin_mul_overflow(count, extent, &count) || count > kMostValues) {
      return host::invalid(text(what, ".extents are of no constant"), text(extent),
                           "give extents of 1 or more, whose product is less than 2^40");
    }
  }
  if (Status status = check_given(given.values, text(what, ".values").c_str()); !status.ok()) {
    return status;
  }
  return Constant(std::move(*extents), std::vector<float>(given.values, given.values + count));
}

Result<std::map<std::string, Constant>> constants_of(const fc_onnx_options& given) {
  const std::string_view list = "fc_onnx_options::constants";
  if (Status status = check_list(given.constants, given.constant_count, list, "give them");
      !status.ok()) {
    return status;
  }
  std::map<std::string, Constant> constants;
  for (const fc_constant& each : std::span(given.constants, given.constant_count)) {
    const std::string what = text(list, '[', constants.size(), ']');
    if (Status status = check_given(each.name, text(what, ".name").c_str()); !status.ok()) {
      return status;
    }
    Result<Constant> constant = constant_of(each, what);
    if (!constant.ok()) return constant.status();
    if (!constants.emplace(each.name, std::move(*constant)).second) {
      return host::invalid(text(what, " has the name of another"), text('"', each.name, '"'),
                           "give the values of a tensor once");
    }
  }
  return constants;
}

Result<onnx::ReadOptions> onnx_options(const fc_onnx_options* given) {
  const Result<fc_onnx_options> read = read_struct(given);
  if (!read.ok()) return read.status();
  auto inputs = names(read->inputs, read->input_count, "fc_onnx_options::inputs");
  if (!inputs.ok()) return inputs.status();
  auto outputs = names(read->outputs, read->output_count, "fc_onnx_options::outputs");
  if (!outputs.ok()) return outputs.status();
  auto constants = constants_of(*read);
  if (!constants.ok()) return constants.status();
  return onnx::ReadOptions{.inputs = std::move(*inputs),
                           .outputs = std::move(*outputs),
                           .constants = std::move(*constants)};
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
