// SPDX-License-Identifier: MIT
#include "cudnn_stand_in.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

#include "foldconv/foldconv.hpp"
#include "harness/error.hpp"
#include "harness/oracle/rounding.hpp"

namespace foldconv::cudnn {
namespace {

constexpr std::array<const char*, 9> kNames = {
    "none",   "fails", "scales_by_zero", "cannot_be_captured", "cannot_be_made",
    "aborts", "hangs", "faults",         "writes_beside"};

std::vector<float> floats_at(const void* device, DataType dtype, std::size_t count) {
  std::vector<std::byte> bytes(count * size_of(dtype));
  harness::check(cudaMemcpy(bytes.data(), device, bytes.size(), cudaMemcpyDeviceToHost), "reading");
  return oracle::decode(dtype, bytes);
}

// The convolution that the tensors describe. Weights, scale and bias are read where cuDNN would read
// them; once, because planning copies and a captured stream must not.
class Engine {
 public:
  Engine(const ConvProblem& problem, const Epilogue& epilogue, Fault fault, std::size_t workspace)
      : problem_(problem), epilogue_(epilogue), fault_(fault), workspace_(workspace) {}

  void operator()(const ConvTensors& tensors, cudaStream_t stream) {
    if (fault_ == Fault::fails) throw harness::Error(ErrorCode::unsupported, "fails on purpose");
    if (fault_ == Fault::cannot_be_captured && stream != nullptr) {
      throw harness::Error(ErrorCode::unsupported, "only on the default stream");
    }
    if (fault_ == Fault::hangs) sleep(100);
    if (fault_ == Fault::faults) throw harness::Error(ErrorCode::cuda_error, "an illegal address");
    if (fault_ == Fault::writes_beside) {
      harness::check(cudaMemset(static_cast<char*>(tensors.workspace) + workspace_, 0, 1),
                     "writing");
    }
    if ((tensors.residual != nullptr) != problem_.residual ||
        (tensors.scale != nullptr) != epilogue_.scale ||
        (tensors.bias != nullptr) != epilogue_.bias) {
      throw harness::Error(ErrorCode::invalid_argument, "other tensors than the graph's");
    }
    if (!plan_) plan_ = std::make_shared<ConvPlan>(plan(tensors));
    harness::check(
        plan_->run({.x = tensors.x, .residual = tensors.residual, .y = tensors.y}, stream));
  }

 private:
  ConvPlan plan(const ConvTensors& tensors) const {
    const ConvProblem& p = problem_;
    const auto k = static_cast<std::size_t>(p.k);
    const auto channels = static_cast<std::size_t>(p.c / p.groups);
    const auto taps = static_cast<std::size_t>(p.r * p.s);
    const std::vector<float> krsc = floats_at(tensors.weights, p.dtype, k * channels * taps);
    std::vector<float> kcrs(krsc.size());
    for (std::size_t i = 0; i < krsc.size(); ++i) {
      const std::size_t channel = i % channels, tap = i / channels % taps,
                        row = i / channels / taps;
      kcrs[(row * channels + channel) * taps + tap] = krsc[i];
    }
    std::vector<float> gamma(k, 1.0f), beta(k, 0.0f);
    if (epilogue_.scale) gamma = floats_at(tensors.scale, epilogue_.vectors, k);
    if (epilogue_.bias) beta = floats_at(tensors.bias, epilogue_.vectors, k);
    if (fault_ == Fault::scales_by_zero) gamma.assign(k, 0.0f);
    const std::vector<float> mean(k, 0.0f), variance(k, 1.0f);
    const FoldedConv folded = harness::value_of(fold(
        {.values = kcrs, .k = p.k, .c_per_group = p.c / p.groups, .r = p.r, .s = p.s},
        BatchNorm{
            .gamma = gamma, .beta = beta, .mean = mean, .variance = variance, .eps = Epsilon(0)},
        {.dtype = p.dtype, .placement = ScalePlacement::epilogue}));
    return harness::value_of(harness::value_of(Conv::create(folded)).plan(p));
  }

  ConvProblem problem_;
  Epilogue epilogue_;
  Fault fault_;
  std::size_t workspace_;
  std::shared_ptr<ConvPlan> plan_;
};

ConvEngines engines_of(const std::vector<Fault>& faults, const ConvProblem& problem,
                       const Epilogue& epilogue, const Choice& choice) {
  ConvEngines engines;
  for (const Fault fault : faults) {
    const std::size_t number = engines.numbered++;
    const std::string name = "eng" + std::to_string(number);
    const auto spoilt = choice.spoilt.find(number);
    ++engines.offered;
    if (spoilt != choice.spoilt.end()) engines.left_out.push_back(name + ": " + spoilt->second);
    if (spoilt != choice.spoilt.end() || !choice.takes(number)) continue;
    if (fault == Fault::aborts) std::abort();
    if (fault == Fault::cannot_be_made) {
      engines.left_out.push_back(name + ": it cannot be made");
      continue;
    }
    const std::size_t workspace = 64 * (number + 1);
    engines.ready.push_back({.name = name,
                             .workspace_bytes = workspace,
                             .run = Engine(problem, epilogue, fault, workspace)});
  }
  if (!engines.ready.empty() || choice.first > 0) return engines;
  throw harness::Error(ErrorCode::unsupported,
                       engines.left_out.empty() ? "none on purpose" : engines.left_out.front());
}

TensorCalls calls_of(DataType dtype, const Shape& shape, const Activation& activation) {
  return {.batch_norm =
              [=](const void* x, const pointwise::BatchNormArrays& arrays, void* y,
                  cudaStream_t stream) {
                harness::check(pointwise::batch_norm(dtype, shape, x, arrays, y, stream));
              },
          .add =
              [=](const void* z, void* y, cudaStream_t stream) {
                harness::check(pointwise::add(dtype, shape, y, z, y, stream));
              },
          .activate =
              [=](void* y, cudaStream_t stream) {
                harness::check(pointwise::activate(dtype, shape, activation, y, y, stream));
              }};
}

}  // namespace

std::vector<Fault> faults_of(const std::string& list) {
  std::vector<Fault> faults;
  std::istringstream names(list);
  for (std::string name; std::getline(names, name, ',');) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) throw std::runtime_error("no such fault: " + name);
    faults.push_back(static_cast<Fault>(found - kNames.begin()));
  }
  return faults;
}

std::shared_ptr<const Cudnn> stand_in(const std::vector<Fault>& faults) {
  return std::make_shared<const Cudnn>(Cudnn{
      .version = "9.0.0",
      .engines =
          [faults](const ConvProblem& problem, const Epilogue& epilogue, const Choice& choice) {
            return engines_of(faults, problem, epilogue, choice);
          },
      .calls = calls_of});
}

}  // namespace foldconv::cudnn
