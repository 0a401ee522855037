// SPDX-License-Identifier: MIT
#include "cudnn/recording/record.hpp"

#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "harness/error.hpp"
#include "harness/oracle/rounding.hpp"
#include "harness/problem/data.hpp"
#include "harness/problem/text.hpp"
#include "harness/problem/walk.hpp"

namespace foldconv::cudnn {
namespace {

using harness::Bytes;
using harness::DeviceBuffer;
constexpr std::uint64_t kSeed = 20;
// Fused kernels are compiled when they are made ready, which takes most of a recording's time.
constexpr std::size_t kFew = 1, kMore = 6;

std::vector<float> copy(std::span<const float> values) {
  return {values.begin(), values.end()};
}

// One problem's tensors, for one engine after the other.
class Bench {
 public:
  Bench(const ConvProblem& problem, const Bytes& x, const Bytes& residual)
      : in_{problem.dtype, problem.input(), problem.n},
        out_{problem.dtype, problem.output(), problem.n},
        x_(x),
        residual_(residual),
        y_(out_.bytes()),
        x_values_(in_.distinct_values(x)) {
    if (problem.residual) residual_values_ = out_.distinct_values(residual);
  }

  // y, if it is right. Throws Error (unsupported): the engine refuses or is wrong.
  Bytes run(const Operands& operands, const ConvEngine& engine) const {
    const DeviceBuffer workspace(engine.workspace_bytes);
    const std::string name = operands.name_of(engine);
    y_.poison();
    operands.run(engine, x_, &residual_, y_, workspace.data(), nullptr);
    harness::check(cudaDeviceSynchronize(), "running cuDNN's " + name);
    Bytes y = y_.download();
    const harness::Verdict verdict =
        harness::judge(out_, operands.expected(out_.distinct, x_values_, residual_values_), y,
                       harness::Copies::within_bound);
    if (verdict.pass) return y;
    throw harness::Error(ErrorCode::unsupported, name + ": " + verdict.reason);
  }

 private:
  harness::Images in_, out_;
  DeviceBuffer x_, residual_, y_;
  std::vector<float> x_values_, residual_values_;
};

// The first right engine of these forms; none: `refused` has the last reason.
std::optional<Run> first_right(const Search& search, const std::vector<Operands>& forms,
                               const Bench& bench, std::string& refused) {
  for (const Operands& operands : forms) {
    try {
      const ConvEngines engines = fit_engines(search, operands);
      for (const ConvEngine& engine : engines.ready) {
        try {
          Bytes y = bench.run(operands, engine);
          return Run{operands.name_of(engine), *operands.values, std::move(y)};
        } catch (const harness::Error& error) {
          if (error.code() != ErrorCode::unsupported) throw;
          refused = error.what();
        }
      }
    } catch (const harness::Error& error) {
      if (error.code() != ErrorCode::unsupported) throw;
      refused = error.what();
    }
  }
  return std::nullopt;
}

// Of a convolution's name and BatchNorm, as torchvision calls them.
LayerRecording layer_of(const harness::LineConv& conv, const Parameters& parameters) {
  const bool downsample = conv.name == "downsample";
  const BatchNorm& batch_norm = *conv.batch_norm;
  return {.conv = downsample ? "downsample.0" : conv.name,
          .batch_norm = downsample ? "downsample.1" : "bn" + conv.name.substr(4),  // of "conv1"
          .k = conv.weights.k,
          .c_per_group = conv.weights.c_per_group,
          .r = conv.weights.r,
          .weights = parameters.weights,
          .gamma = copy(batch_norm.gamma),
          .beta = copy(batch_norm.beta),
          .mean = copy(batch_norm.mean),
          .variance = copy(batch_norm.variance)};
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) return;
  throw harness::Error(ErrorCode::invalid_argument,
                       "cannot make " + folder.string() + ": " + error.message());
}

}  // namespace

ConvWitness witness_of(const Search& search) {
  return [search](const ConvProblem& problem, const Parameters& parameters, const Bytes& x,
                  const Bytes& residual, bool exact) {
    const Bench bench(problem, x, residual);
    Search some = search;
    std::string refused;
    for (const auto& [engines, only_exact] :
         {std::pair{kFew, true}, {kMore, true}, {kMore, exact}}) {
      some.engines = engines;
      const auto run =
          first_right(some, operands_of(problem, parameters, only_exact), bench, refused);
      if (run) return *run;
    }
    throw harness::Error(ErrorCode::unsupported, refused);
  };
}

ConvRecording record(const RecordedConv& recorded, const ConvWitness& compute) {
  const ConvProblem& p = recorded.problem;
  const oracle::RawConv raw =
      oracle::make_raw(p, {.batch_norm = recorded.batch_norm, .seed = kSeed});
  const FoldedConv folded =
      harness::value_of(fold(harness::weights_of(p, raw), harness::batch_norm_of(raw),
                             {.dtype = p.dtype, .placement = recorded.placement}));
  const Run ran = compute(p, parameters_of(folded), oracle::encode(p.dtype, raw.x),
                          oracle::encode(p.dtype, raw.residual), /*exact=*/false);
  return {.name = recorded.name,
          .problem = p,
          .x = raw.x,
          .residual = raw.residual,
          .weights = ran.parameters.weights,
          .scale = ran.parameters.scale,
          .bias = ran.parameters.bias,
          .y = oracle::decode(p.dtype, ran.y),
          .engine = ran.engine};
}

BlockRecording record(const RecordedBlock& recorded, const ConvWitness& compute) {
  harness::Problem problem = harness::parse_block(recorded.descriptor);
  harness::apply({.dtype = recorded.dtype}, problem);
  harness::fill(problem, {.copies = false, .seed = kSeed});
  const harness::Line& line = problem.lines.front();
  const harness::BlockShape shape = harness::shape_of(line);
  BlockRecording recording{.name = recorded.name,
                           .dtype = recorded.dtype,
                           .bottleneck = line.bottleneck(),
                           .middle = line.convs.front().problem.k,
                           .stride = shape.stride,
                           .groups = shape.groups,
                           .stride_at = shape.stride_at,
                           .downsample = line.shortcut.has_value(),
                           .eps = "1e-05",
                           .input = line.input(),
                           .output = line.output(),
                           .layers = {},
                           .x = problem.x,
                           .y = {},
                           .engines = ""};
  std::optional<LayerRecording> downsample;
  const auto run = [&](const harness::LineConv& conv, const Bytes& x, const Bytes* residual) {
    // The file holds weights as the dtype does, and what is computed is computed from those.
    const std::vector<float> stored =
        oracle::decode(recorded.dtype, oracle::encode(recorded.dtype, conv.weights.values));
    ConvWeights weights = conv.weights;
    weights.values = stored;
    const FoldedConv folded =
        harness::value_of(fold(weights, conv.batch_norm,
                               {.dtype = recorded.dtype, .placement = ScalePlacement::epilogue}));
    Run ran =
        compute(conv.problem, parameters_of(folded), x, residual != nullptr ? *residual : Bytes(),
                /*exact=*/true);
    recording.engines += (recording.engines.empty() ? "" : " ") + ran.engine;
    LayerRecording layer = layer_of(conv, {.weights = stored, .scale = {}, .bias = {}});
    if (conv.name == "downsample") {
      downsample = std::move(layer);
    } else {
      recording.layers.push_back(std::move(layer));
    }
    return ran.y;
  };
  const Bytes y = harness::walk(problem, oracle::encode(recorded.dtype, problem.x), Bytes(), run);
  if (downsample) recording.layers.push_back(std::move(*downsample));
  recording.y = oracle::decode(recorded.dtype, y);
  return recording;
}

tool::Recorded record_all(const std::filesystem::path& folder, const Witness& witness,
                          const ConvWitness& compute) {
  make_folder(folder / "blocks");
  const std::filesystem::path index_file = folder / "blocks" / "index.txt";
  std::ofstream index(index_file);
  std::string lines = index_heading(witness);
  index << lines;
  tool::Recorded recorded;
  // What the witness refuses is noted; what cannot be written ends the recording.
  const auto keep = [&](const auto& problem, const auto& kept) {
    try {
      const auto recording = record(problem, compute);
      recorded.bytes += write(folder, recording, witness);
      ++recorded.files;
      kept(recording);
    } catch (const harness::Error& error) {
      if (error.code() != ErrorCode::unsupported) throw;
      recorded.refused.push_back(problem.name + ": " + error.what());
    }
  };
  for (const RecordedConv& problem : recorded_convs()) keep(problem, [](const ConvRecording&) {});
  for (const RecordedBlock& problem : recorded_blocks()) {
    keep(problem, [&](const BlockRecording& recording) {
      // A run that is cut short keeps what it has.
      index << index_line(recording) << std::flush;
      lines += index_line(recording);
    });
  }
  index.close();
  if (!index) {
    throw harness::Error(ErrorCode::invalid_argument, "cannot write " + index_file.string());
  }
  recorded.bytes += lines.size();
  if (recorded.bytes > kMostRecordedBytes) {
    throw harness::Error(ErrorCode::invalid_argument,
                         "the recording has " + std::to_string(recorded.bytes) +
                             " bytes, more than " + std::to_string(kMostRecordedBytes) +
                             "; make its problems smaller");
  }
  return recorded;
}

}  // namespace foldconv::cudnn
