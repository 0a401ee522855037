#include "recording/record.hpp"

#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "compute/block_convs.hpp"
#include "harness/oracle/rounding.hpp"
#include "problems/block_descriptor.hpp"

namespace foldconv::tool {
namespace {

using Bytes = std::vector<std::byte>;
constexpr std::uint64_t kSeed = 20;

std::vector<float> rounded(DataType dtype, std::span<const float> values) {
  return oracle::decode(dtype, oracle::encode(dtype, values));
}

std::vector<float> copy(std::span<const float> values) {
  return {values.begin(), values.end()};
}

// The layers of a block: what goes into the file, and through the witness.
class BlockWalk {
 public:
  BlockWalk(const ConvWitness& compute, BlockRecording& recording)
      : compute_(compute), recording_(recording) {}

  // What the convolution makes of x.
  Result<Bytes> run(const BlockConv& conv, const Bytes& x, const Bytes& residual) {
    const std::string number = std::string(conv.name).substr(4);  // of "conv1"
    const bool downsample = std::string(conv.name) == "downsample";
    const BatchNorm& batch_norm = *conv.layer->batch_norm;
    LayerRecording layer{.conv = downsample ? "downsample.0" : conv.name,
                         .batch_norm = downsample ? "downsample.1" : "bn" + number,
                         .k = conv.layer->conv.k,
                         .c_per_group = conv.layer->conv.c_per_group,
                         .r = conv.layer->conv.r,
                         .weights = rounded(recording_.dtype, conv.layer->conv.values),
                         .gamma = copy(batch_norm.gamma),
                         .beta = copy(batch_norm.beta),
                         .mean = copy(batch_norm.mean),
                         .variance = copy(batch_norm.variance)};
    ConvWeights weights = conv.layer->conv;
    weights.values = layer.weights;
    const Result<FoldedConv> folded = fold(
        weights, batch_norm, {.dtype = recording_.dtype, .placement = ScalePlacement::epilogue});
    if (!folded) return folded.status();
    Result<CudnnRun> ran =
        compute_(conv.problem, cudnn_parameters(*folded), x, residual, /*exact=*/true);
    if (!ran) return ran.status();
    recording_.engines += (recording_.engines.empty() ? "" : " ") + ran->engine;
    recording_.layers.push_back(std::move(layer));
    return std::move(ran->y);
  }

 private:
  const ConvWitness& compute_;
  BlockRecording& recording_;
};

Status make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) return {};
  return {ErrorCode::invalid_argument, "cannot make " + folder.string() + ": " + error.message()};
}

}  // namespace

ConvWitness cudnn_witness(const cudnn::Session& session) {
  // Fused kernels are compiled when they are listed, which takes most of a recording's time.
  return [preferred = engines_of(session, 1), more = engines_of(session, 6)](
             const ConvProblem& problem, const CudnnParameters& parameters, const Bytes& x,
             const Bytes& residual, bool exact) {
    Result<CudnnRun> run =
        first_right_run(preferred, problem, parameters, x, residual, /*exact=*/true);
    if (run || run.status().code() != ErrorCode::unsupported) return run;
    return first_right_run(more, problem, parameters, x, residual, exact);
  };
}

Result<ConvRecording> record(const RecordedConv& recorded, const ConvWitness& compute) {
  const ConvProblem& p = recorded.problem;
  const oracle::RawConv raw =
      oracle::make_raw(p, {.batch_norm = recorded.batch_norm, .seed = kSeed});
  std::optional<BatchNorm> batch_norm;
  if (recorded.batch_norm) {
    batch_norm = BatchNorm{.gamma = raw.gamma,
                           .beta = raw.beta,
                           .mean = raw.mean,
                           .variance = raw.variance,
                           .eps = Epsilon(raw.eps)};
  }
  const Result<FoldedConv> folded =
      fold({.values = raw.weights, .k = p.k, .c_per_group = p.c / p.groups, .r = p.r, .s = p.s},
           batch_norm, {.dtype = p.dtype, .placement = recorded.placement});
  if (!folded) return folded.status();
  const Result<CudnnRun> ran = compute(p, cudnn_parameters(*folded), oracle::encode(p.dtype, raw.x),
                                       oracle::encode(p.dtype, raw.residual), /*exact=*/false);
  if (!ran) return ran.status();
  return ConvRecording{.name = recorded.name,
                       .problem = p,
                       .x = raw.x,
                       .residual = raw.residual,
                       .weights = ran->parameters.weights,
                       .scale = ran->parameters.scale,
                       .bias = ran->parameters.bias,
                       .y = oracle::decode(p.dtype, ran->y),
                       .engine = ran->engine};
}

Result<BlockRecording> record(const RecordedBlock& recorded, const ConvWitness& compute) {
  Options options;
  options.dtype = recorded.dtype;
  options.seed = kSeed;
  const Result<BlockDescriptor> descriptor = parse_block_descriptor(recorded.descriptor);
  if (!descriptor) return descriptor.status();
  const Result<BlockWorkload> workload = make_block_workload(*descriptor, options);
  if (!workload) return workload.status();
  const BlockShape& shape = descriptor->blocks.front();
  const BlockConvs convs =
      convs_of(workload->blocks.front().weights, recorded.dtype, workload->input().shape);

  BlockRecording recording{.name = recorded.name,
                           .dtype = recorded.dtype,
                           .bottleneck = !shape.basic(),
                           .middle = convs.line.front().problem.k,
                           .stride = shape.stride,
                           .groups = shape.groups,
                           .stride_at = shape.stride_at,
                           .downsample = convs.downsample.has_value(),
                           .eps = "1e-05",
                           .input = workload->input().shape,
                           .output = convs.output(),
                           .layers = {},
                           .x = workload->x,
                           .y = {},
                           .engines = ""};
  BlockWalk walk(compute, recording);
  const Bytes x = workload->encoded_x(workload->problem.n);
  Bytes t = x;
  for (std::size_t i = 0; i + 1 < convs.line.size(); ++i) {
    Result<Bytes> y = walk.run(convs.line[i], t, Bytes());
    if (!y) return y.status();
    t = std::move(*y);
  }
  Bytes shortcut = x;
  if (convs.downsample) {
    Result<Bytes> y = walk.run(*convs.downsample, x, Bytes());
    if (!y) return y.status();
    shortcut = std::move(*y);
  }
  const Result<Bytes> y = walk.run(convs.line.back(), t, shortcut);
  if (!y) return y.status();
  recording.y = oracle::decode(recorded.dtype, *y);
  return recording;
}

Result<Recorded> record_all(const std::filesystem::path& folder, const Witness& witness,
                            const ConvWitness& compute) {
  if (Status status = make_folder(folder / "blocks"); !status) return status;
  Recorded recorded;
  const auto keep = [&](const Result<std::size_t>& bytes) {
    if (!bytes) return bytes.status();
    ++recorded.files;
    recorded.bytes += *bytes;
    return Status();
  };
  for (const RecordedConv& problem : recorded_convs()) {
    const Result<ConvRecording> recording = record(problem, compute);
    if (!recording) {
      recorded.refused.push_back(problem.name + ": " + recording.status().message());
    } else if (Status status = keep(write(folder, *recording, witness)); !status) {
      return status;
    }
  }
  const std::filesystem::path index_file = folder / "blocks" / "index.txt";
  std::ofstream index(index_file);
  std::string lines = index_heading(witness);
  index << lines;
  for (const RecordedBlock& problem : recorded_blocks()) {
    const Result<BlockRecording> recording = record(problem, compute);
    if (!recording) {
      recorded.refused.push_back(problem.name + ": " + recording.status().message());
      continue;
    }
    if (Status status = keep(write(folder, *recording, witness)); !status) return status;
    index << index_line(*recording) << std::flush;  // a run that is cut short keeps what it has
    lines += index_line(*recording);
  }
  index.close();
  if (!index) return Status(ErrorCode::invalid_argument, "cannot write " + index_file.string());
  recorded.bytes += lines.size();
  if (recorded.bytes > kMostRecordedBytes) {
    return Status(ErrorCode::invalid_argument,
                  "the recording has " + std::to_string(recorded.bytes) + " bytes, more than " +
                      std::to_string(kMostRecordedBytes) + "; make its problems smaller");
  }
  return recorded;
}

}  // namespace foldconv::tool
