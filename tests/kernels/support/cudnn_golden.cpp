#include "kernels/support/cudnn_golden.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "compute/cudnn_bound.hpp"
#include "harness/safetensors/safetensors.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

template <class T>
T value_of(const Result<T>& result) {
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return *result;
}

ConvProblem parse_problem(const std::string& text) {
  ConvProblem p;
  std::string activation, dtype;
  std::istringstream fields(text);
  fields >> p.n >> p.h >> p.w >> p.c >> p.k >> p.r >> p.s >> p.stride.h >> p.stride.w >>
      p.pad.top >> p.pad.bottom >> p.pad.left >> p.pad.right >> p.dilation.h >> p.dilation.w >>
      p.groups >> activation >> p.alpha >> p.residual >> dtype;
  if (!fields) throw std::runtime_error("cannot read the problem \"" + text + "\"");
  p.activation = value_of(parse_activation(activation));
  p.dtype = value_of(parse_data_type(dtype));
  return p;
}

CudnnGolden parse(const std::string& name, const harness::Safetensors& file) {
  CudnnGolden golden;
  golden.name = name;
  golden.witness = "cuDNN " + file.metadata().at("cudnn") + " on " + file.metadata().at("gpu") +
                   ", engine " + file.metadata().at("engine");
  golden.problem = parse_problem(file.metadata().at("problem"));
  const ConvProblem& p = golden.problem;
  const auto tensor = [&file](const char* key, std::int64_t elements) {
    std::vector<float> values = file.values(key);
    if (std::ssize(values) != elements) {
      throw std::runtime_error(std::string(key) + " has another size than the problem says");
    }
    return values;
  };
  golden.inputs.x = tensor("x", p.input().elements());
  golden.inputs.weights = tensor("weights", std::int64_t{p.k} * (p.c / p.groups) * p.r * p.s);
  golden.inputs.scale = tensor("scale", p.k);
  golden.inputs.bias = tensor("bias", p.k);
  const std::int64_t outputs = oracle::output_shape(p).elements();
  if (p.residual) golden.inputs.residual = tensor("residual", outputs);
  golden.y = tensor("y", outputs);
  return golden;
}

}  // namespace

std::vector<CudnnGolden> read_cudnn_goldens(const std::string& folder) {
  std::vector<CudnnGolden> goldens;
  if (!std::filesystem::is_directory(folder)) return goldens;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    try {
      goldens.push_back(parse(entry.path().stem().string(),
                              harness::Safetensors(harness::open_file(entry.path()))));
    } catch (const std::exception& failure) {
      throw std::runtime_error(entry.path().string() + ": " + failure.what());
    }
  }
  std::ranges::sort(goldens, {}, &CudnnGolden::name);
  return goldens;
}

oracle::Comparison compare_with_library(const CudnnGolden& golden) {
  // A BatchNorm that folds to just this scale and bias.
  const std::size_t channels = golden.inputs.scale.size();
  const oracle::RawConv raw{.x = golden.inputs.x,
                            .residual = golden.inputs.residual,
                            .weights = golden.inputs.weights,
                            .conv_bias = {},
                            .gamma = golden.inputs.scale,
                            .beta = golden.inputs.bias,
                            .mean = std::vector<float>(channels, 0.0f),
                            .variance = std::vector<float>(channels, 1.0f),
                            .eps = 0};
  const TestConv test = make_conv(golden.problem, raw, ScalePlacement::epilogue);
  const oracle::Expected ours = oracle::conv(test.problem, test.inputs);
  oracle::Expected allowed = tool::cudnn_expected(golden.problem, golden.inputs);
  for (std::size_t i = 0; i < allowed.y.size(); ++i) {
    allowed.y[i] = static_cast<double>(golden.y[i]);
    allowed.bound[i] += ours.bound[i];
  }
  return oracle::compare(run(test), allowed);
}

}  // namespace foldconv::kernel_tests
