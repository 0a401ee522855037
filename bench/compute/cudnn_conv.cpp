#include "compute/cudnn_conv.hpp"

#include <algorithm>
#include <utility>

#include "compute/cudnn_bound.hpp"
#include "harness/oracle/rounding.hpp"

namespace foldconv::tool {
namespace {

using Shared = std::shared_ptr<const DeviceBuffer>;

Result<Shared> upload(DataType dtype, const std::vector<float>& values) {
  Result<DeviceBuffer> buffer = DeviceBuffer::upload(oracle::encode(dtype, values));
  if (!buffer) return buffer.status();
  return Shared(std::make_shared<DeviceBuffer>(std::move(*buffer)));
}

// KCRS to KRSC.
std::vector<float> channels_last(const ConvProblem& problem, const std::vector<float>& weights) {
  const auto channels = static_cast<std::size_t>(problem.c / problem.groups);
  const auto taps = static_cast<std::size_t>(problem.r) * static_cast<std::size_t>(problem.s);
  std::vector<float> turned(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::size_t tap = i % taps, channel = i / taps % channels, k = i / taps / channels;
    turned[(k * taps + tap) * channels + channel] = weights[i];
  }
  return turned;
}

std::vector<float> stored_as(DataType dtype, const std::vector<float>& values) {
  return oracle::decode(dtype, oracle::encode(dtype, values));
}

Result<CudnnOperands> operands(const CudnnParameters& parameters, const Shared& weights,
                               DataType vectors) {
  const auto differs = [](const std::vector<float>& values, float from) {
    return std::ranges::any_of(values, [from](float value) { return value != from; });
  };
  CudnnOperands made;
  made.epilogue = {.scale = differs(parameters.scale, 1),
                   .bias = differs(parameters.bias, 0),
                   .vectors = vectors};
  made.values = std::make_shared<CudnnParameters>(
      CudnnParameters{parameters.weights, stored_as(vectors, parameters.scale),
                      stored_as(vectors, parameters.bias)});
  made.weights = weights;
  for (const auto& [wanted, values, buffer] :
       {std::tuple{made.epilogue.scale, &parameters.scale, &made.scale},
        std::tuple{made.epilogue.bias, &parameters.bias, &made.bias}}) {
    if (!wanted) continue;
    Result<Shared> uploaded = upload(vectors, *values);
    if (!uploaded) return uploaded.status();
    *buffer = *uploaded;
  }
  return made;
}

void* data_of(const DeviceBuffer* buffer) {
  return buffer != nullptr ? buffer->data() : nullptr;
}

// One problem's tensors, for one engine after the other.
class Trial {
 public:
  static Result<Trial> create(const ConvProblem& problem, const std::vector<std::byte>& x,
                              const std::vector<std::byte>& residual) {
    Trial trial(problem);
    Result<DeviceBuffer> x_on_device = DeviceBuffer::upload(x);
    if (!x_on_device) return x_on_device.status();
    Result<DeviceBuffer> residual_on_device = DeviceBuffer::upload(residual);
    if (!residual_on_device) return residual_on_device.status();
    Result<DeviceBuffer> y = DeviceBuffer::allocate(trial.out_.bytes());
    if (!y) return y.status();
    trial.x_ = std::move(*x_on_device);
    trial.residual_ = std::move(*residual_on_device);
    trial.y_ = std::move(*y);
    trial.x_values_ = trial.in_.distinct_values(x);
    if (problem.residual) trial.residual_values_ = trial.out_.distinct_values(residual);
    return trial;
  }

  // y, if it is right. Errors: unsupported: the engine fails or is wrong; others: nothing can run.
  Result<std::vector<std::byte>> run(const CudnnCandidate& candidate) const {
    Result<DeviceBuffer> workspace = DeviceBuffer::allocate(candidate.engine.workspace_bytes);
    if (!workspace) return workspace.status();
    if (Status status = y_.poison(); !status) return status;
    const Status ran = candidate.run(x_, &residual_, y_, &*workspace, nullptr);
    if (!ran) return Status(ErrorCode::unsupported, candidate.name() + ": " + ran.message());
    Status done = cuda_status(cudaDeviceSynchronize(), "running cuDNN's " + candidate.name());
    if (!done) return done;
    Result<std::vector<std::byte>> y = y_.download();
    if (!y) return y;
    const Verdict verdict =
        judge_every_image(out_, candidate.expected(out_.distinct, x_values_, residual_values_), *y);
    if (verdict.pass) return y;
    return Status(ErrorCode::unsupported, candidate.name() + ": " + verdict.reason);
  }

 private:
  explicit Trial(const ConvProblem& problem)
      : in_{problem.dtype, problem.input(), problem.n},
        out_{problem.dtype, problem.output(), problem.n} {}

  Images in_, out_;
  DeviceBuffer x_, residual_, y_;
  std::vector<float> x_values_, residual_values_;
};

}  // namespace

CudnnParameters cudnn_parameters(const FoldedConv& folded) {
  const auto copy = [](std::span<const float> values) {
    return std::vector<float>(values.begin(), values.end());
  };
  return {copy(folded.weights()), copy(folded.scale()), copy(folded.bias())};
}

std::string CudnnCandidate::name() const {
  const cudnn::Epilogue& epilogue = operands.epilogue;
  if (epilogue.vectors == DataType::f32) return engine.name;
  return engine.name + "_" + to_string(epilogue.vectors) + "_bias";
}

Status CudnnCandidate::run(const DeviceBuffer& x, const DeviceBuffer* residual,
                           const DeviceBuffer& y, const DeviceBuffer* workspace,
                           cudaStream_t stream) const {
  return engine.run({.x = x.data(),
                     .weights = operands.weights->data(),
                     .scale = data_of(operands.scale.get()),
                     .bias = data_of(operands.bias.get()),
                     .residual = problem.residual ? data_of(residual) : nullptr,
                     .y = y.data(),
                     .workspace = data_of(workspace)},
                    stream);
}

oracle::Expected CudnnCandidate::expected(int distinct, std::vector<float> x,
                                          std::vector<float> residual) const {
  ConvProblem of_distinct = problem;
  of_distinct.n = distinct;
  return cudnn_expected(of_distinct, {.x = std::move(x),
                                      .weights = operands.values->weights,
                                      .scale = operands.values->scale,
                                      .bias = operands.values->bias,
                                      .residual = std::move(residual)});
}

CudnnEngines engines_of(const cudnn::Session& session, std::size_t most) {
  return [&session, most](const ConvProblem& problem, const cudnn::Epilogue& epilogue) {
    return cudnn::conv_engines(session, problem, epilogue, most);
  };
}

Result<CudnnCandidates> cudnn_candidates(const CudnnEngines& engines_for,
                                         const ConvProblem& problem,
                                         const CudnnParameters& parameters, bool exact) {
  Result<Shared> weights = upload(problem.dtype, channels_last(problem, parameters.weights));
  if (!weights) return weights.status();
  CudnnCandidates candidates;
  Status refused;
  std::vector<DataType> forms = {DataType::f32};
  if (!exact && problem.dtype != DataType::f32) forms.push_back(problem.dtype);
  for (const DataType vectors : forms) {
    Result<CudnnOperands> made = operands(parameters, *weights, vectors);
    if (!made) return made.status();
    const bool has_vectors = made->epilogue.scale || made->epilogue.bias;
    if (vectors != forms.front() && !has_vectors) break;  // the same graph again
    Result<cudnn::ConvEngines> engines = engines_for(problem, made->epilogue);
    if (!engines) {
      if (refused) refused = engines.status();
      continue;
    }
    candidates.offered += engines->offered;
    candidates.left_out.insert(candidates.left_out.end(), engines->left_out.begin(),
                               engines->left_out.end());
    for (const cudnn::ConvEngine& engine : engines->ready) {
      candidates.all.push_back({engine, *made, problem});
    }
  }
  if (candidates.all.empty()) return refused;
  return candidates;
}

Result<CudnnRun> first_right_run(const CudnnEngines& engines_for, const ConvProblem& problem,
                                 const CudnnParameters& parameters, const std::vector<std::byte>& x,
                                 const std::vector<std::byte>& residual, bool exact) {
  Result<Trial> trial = Trial::create(problem, x, residual);
  if (!trial) return trial.status();
  Status refused;
  for (const bool only_exact : {true, false}) {
    if (exact && !only_exact) break;
    const Result<CudnnCandidates> candidates =
        cudnn_candidates(engines_for, problem, parameters, only_exact);
    if (!candidates) {
      refused = candidates.status();
      continue;
    }
    for (const CudnnCandidate& candidate : candidates->all) {
      Result<std::vector<std::byte>> y = trial->run(candidate);
      if (y) return CudnnRun{candidate.name(), *candidate.operands.values, std::move(*y)};
      if (y.status().code() != ErrorCode::unsupported) return y.status();
      refused = y.status();
    }
  }
  return refused;
}

}  // namespace foldconv::tool
