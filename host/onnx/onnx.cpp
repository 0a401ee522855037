// SPDX-License-Identifier: MIT
#include "foldconv/onnx.hpp"

#include "base/error.hpp"
#include "base/file_format.hpp"
#include "base/text.hpp"
#include "onnx/import.hpp"
#include "onnx/wire/mapped_file.hpp"
#include "onnx/wire/parse.hpp"
#include "onnx/wire/printable.hpp"

namespace foldconv::onnx {
namespace {

constexpr std::size_t kMostProblems = 100;

Result<Imported> imported(std::span<const std::byte> bytes, wire::TensorFiles files,
                          const ReadOptions& options, std::size_t most_problems) {
  const Result<wire::ModelProto> model = wire::parse(bytes);
  if (!model) {
    const Status other = host::refuse_other_format(bytes, host::ModelFormat::onnx);
    return other.ok() ? model.status() : other;
  }
  return import_model(*model, files, options, most_problems);
}

Result<Imported> imported(const std::filesystem::path& path, const ReadOptions& options,
                          std::size_t most_problems) {
  const Result<wire::MappedFile> file = wire::MappedFile::open(path);
  if (!file) return host::refuse_unopened(path, file.status());
  const std::string name = wire::printable(path.filename().native());
  Result<Imported> result =
      imported(file->bytes(), wire::TensorFiles(path, *file), options, most_problems);
  if (!result) return host::at(name, result.status());
  return result;
}

Result<Graph> graph_or_problem(Result<Imported> result) {
  if (!result) return result.status();
  if (!result->problems.empty()) {
    const Problem& problem = result->problems.front();
    return Status(problem.code, problem.to_string());
  }
  return result->graph;
}

Result<std::vector<Problem>> problems_or_status(Result<Imported> result) {
  if (!result) return result.status();
  return std::move(result->problems);
}

}  // namespace

std::string Problem::to_string() const {
  return host::guarded_text([&] {
    std::string line;
    if (!op.empty()) line = host::text("node \"", node, "\" (", op, ", opset ", opset, "): ");
    line += host::text(rule, ": ", value);
    if (!shape.empty()) line += host::text(", on ", shape);
    return line + "; " + remedy;
  });
}

Result<Graph> read(const std::filesystem::path& file, const ReadOptions& options) {
  return host::guarded(
      [&]() -> Result<Graph> { return graph_or_problem(imported(file, options, 1)); });
}

Result<Graph> read(std::span<const std::byte> bytes, const ReadOptions& options) {
  return host::guarded(
      [&]() -> Result<Graph> { return graph_or_problem(imported(bytes, {}, options, 1)); });
}

Result<std::vector<Problem>> inspect(const std::filesystem::path& file,
                                     const ReadOptions& options) {
  return host::guarded([&]() -> Result<std::vector<Problem>> {
    return problems_or_status(imported(file, options, kMostProblems));
  });
}

Result<std::vector<Problem>> inspect(std::span<const std::byte> bytes, const ReadOptions& options) {
  return host::guarded([&]() -> Result<std::vector<Problem>> {
    return problems_or_status(imported(bytes, {}, options, kMostProblems));
  });
}

}  // namespace foldconv::onnx
