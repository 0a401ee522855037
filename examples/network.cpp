// SPDX-License-Identifier: MIT
// An ONNX file to its output, for one image of waves; checked against every operation by itself in strict fp32.
// network FILE.onnx HEIGHT WIDTH
#include <cuda_runtime.h>
#include <foldconv/foldconv.hpp>
#include <foldconv/onnx.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace foldconv;

int report(const Status& status) {
  std::fprintf(stderr, "network: %s\n", status.message().c_str());
  return 1;
}

Result<std::vector<float>> answer(const Graph& graph, const NetworkOptions& options, int h, int w) {
  const auto network = Network::create(graph, options);
  if (!network) return network.status();
  const auto plan = network->plan({.n = 1, .h = h, .w = w});
  if (!plan) return plan.status();
  std::printf("%s: %d launches\n", to_string(options.dtype), plan->explanation().launches());

  std::vector<float> x(plan->input_bytes(0) / sizeof(float));  // n, c, h, w, as in the file
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(0.1f * float(i % 1000));
  std::vector<float> y(plan->output_bytes(0) / sizeof(float));
  const std::size_t bytes = plan->workspace_bytes();
  void *x_device = nullptr, *y_device = nullptr, *workspace = nullptr;
  cudaMalloc(&x_device, plan->input_bytes(0));
  cudaMalloc(&y_device, plan->output_bytes(0));
  cudaMalloc(&workspace, bytes);
  cudaMemcpy(x_device, x.data(), plan->input_bytes(0), cudaMemcpyHostToDevice);
  const Status status = plan->run({{x_device}, {y_device}, workspace, bytes});
  if (!status) return status;
  cudaMemcpy(y.data(), y_device, plan->output_bytes(0), cudaMemcpyDeviceToHost);
  return y;
}

int main(int count, char** arguments) {
  if (count != 4) return report({ErrorCode::invalid_argument, "give FILE.onnx HEIGHT WIDTH"});
  const auto graph = onnx::read(arguments[1]);
  if (!graph) return report(graph.status());
  const int h = std::atoi(arguments[2]), w = std::atoi(arguments[3]);
  const auto fast = answer(*graph, {}, h, w);
  if (!fast) return report(fast.status());
  const auto strict =
      answer(*graph, {.dtype = DataType::f32, .fuse = false, .blocks = false}, h, w);
  if (!strict) return report(strict.status());
  for (std::size_t i = 0; i < fast->size(); ++i) {
    std::printf("%zu: %.4f, strict %.4f\n", i, (*fast)[i], (*strict)[i]);
    if (!(std::abs((*fast)[i] - (*strict)[i]) < 0.05)) return 1;
  }
}
