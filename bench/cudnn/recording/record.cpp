// SPDX-License-Identifier: MIT
#include "cudnn/recording/record.hpp"

#include <bit>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "harness/error.hpp"
#include "harness/files.hpp"
#include "harness/oracle/rounding.hpp"
#include "harness/problem/data.hpp"
#include "harness/problem/text.hpp"
#include "harness/problem/walk.hpp"

namespace foldconv::cudnn {
namespace {

using harness::Bytes;
constexpr std::uint64_t kSeed = 20;
// Fused kernels are compiled when they are made ready, which takes most of a recording's time.
constexpr std::size_t kFew = 1, kMore = 6;

// Returns the file's size; it is there whole or not at all.
std::size_t write(const Recording& recording, const std::filesystem::path& file) {
  static_assert(std::endian::native == std::endian::little);
  using nlohmann::json;
  json header = {{"__metadata__", recording.metadata}};
  std::string data;
  for (const auto& [name, tensor] : recording.tensors) {
    const Bytes bytes = oracle::encode(tensor.dtype, tensor.values);
    std::string dtype = to_string(tensor.dtype);
    for (char& letter : dtype) letter = static_cast<char>(std::toupper(letter));
    header[name] = {{"dtype", dtype},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + bytes.size()}}};
    data.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  const std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  const std::uint64_t length = text.size();
  std::string content(reinterpret_cast<const char*>(&length), sizeof length);
  content += text + data;
  harness::write_file(file, content);
  return content.size();
}

}  // namespace

ConvWitness witness_of(const Search& search) {
  return [search](const ConvProblem& problem, const FoldedConv& folded, const Bytes& x,
                  const Bytes& residual, bool exact) {
    const auto tensor = [&problem](const Shape& shape, const Bytes& content) {
      harness::Tensor made({problem.dtype, shape, problem.n});
      if (!content.empty()) made.upload(content);
      return made;
    };
    const harness::Tensor from = tensor(problem.input(), x), y = tensor(problem.output(), {}),
                          added = tensor(problem.output(), residual);
    Search some = search;
    std::string refused;
    for (const auto& [engines, only_exact] :
         {std::pair{kFew, true}, {kMore, true}, {kMore, exact}}) {
      some.engines = engines;
      const Contest contest{problem, folded,    from, problem.residual ? &added : nullptr,
                            y,       only_exact};
      std::optional<Run> run;
      refused = refusal_of([&] {
        const RightEngine right = right_engines(some, contest, 1).all.front();
        run = {right.step.kernel, right.parameters, y.download()};
      });
      if (run) return *std::move(run);
    }
    throw harness::Error(ErrorCode::unsupported, refused);
  };
}

Recording record(const RecordedProblem& recorded, const ConvWitness& compute) {
  harness::Problem problem = recorded.problem;
  harness::fill(problem, {.batch_norm = recorded.batch_norm, .seed = kSeed}, false);
  const DataType dtype = problem.dtype();
  Recording file;
  if (problem.blocks) {
    file.metadata = {{"block", harness::descriptor_of(problem)}, {"dtype", to_string(dtype)}};
  } else {
    file.metadata = {{"problem", harness::problem_text(problem.convs().front()->problem)}};
  }
  const auto add = [&](const std::string& name, const Shape& shape, std::vector<float> values) {
    file.tensors[name] = {dtype, {shape.n, shape.h, shape.w, shape.c}, std::move(values)};
  };
  std::string& engines = file.metadata["engines"];
  const auto run = [&](const harness::LineConv& conv, const Bytes& x, const Bytes* residual) {
    const FoldedConv folded = harness::value_of(
        fold(conv.weights, conv.batch_norm, {.dtype = dtype, .placement = recorded.placement}));
    Run ran = compute(conv.problem, folded, x, residual != nullptr ? *residual : Bytes(),
                      /*exact=*/problem.blocks);
    engines += (engines.empty() ? "" : " ") + ran.engine;
    const std::string prefix = conv.name.empty() ? "" : conv.name + ".";
    const std::int64_t k = folded.k();
    file.tensors[prefix + "weights"] = {
        dtype, {k, folded.c_per_group(), folded.r(), folded.s()}, ran.parameters->weights};
    file.tensors[prefix + "gamma"] = {DataType::f32, {k}, ran.parameters->scale};
    file.tensors[prefix + "beta"] = {DataType::f32, {k}, ran.parameters->bias};
    return ran.y;
  };
  const Bytes y = harness::walk(problem, oracle::encode(dtype, problem.x),
                                oracle::encode(dtype, problem.residual), run);
  add("x", problem.input().shape, problem.x);
  if (!problem.residual.empty()) add("residual", problem.output().shape, problem.residual);
  add("y", problem.output().shape, oracle::decode(dtype, y));
  return file;
}

Recorded record_all(const std::filesystem::path& folder, const Metadata& who,
                    const ConvWitness& compute,
                    const std::function<void(const std::string& name)>& next) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw harness::Error(ErrorCode::invalid_argument,
                         "cannot make " + folder.string() + ": " + error.message());
  }
  Recorded recorded;
  for (const RecordedProblem& problem : recorded_problems()) {
    next(problem.name);
    const std::string refused = refusal_of([&] {
      Recording file = record(problem, compute);
      file.metadata.insert(who.begin(), who.end());
      recorded.bytes += write(file, folder / (problem.name + ".safetensors"));
      ++recorded.files;
    });
    if (!refused.empty()) recorded.refused.push_back(problem.name + ": " + refused);
  }
  if (recorded.bytes > kMostRecordedBytes) {
    throw harness::Error(ErrorCode::invalid_argument,
                         "the recording has " + std::to_string(recorded.bytes) +
                             " bytes, more than " + std::to_string(kMostRecordedBytes) +
                             "; make its problems smaller");
  }
  return recorded;
}

}  // namespace foldconv::cudnn
