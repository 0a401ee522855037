// SPDX-License-Identifier: MIT
// A network out of a file, as a program that uses the installed package runs it: network network.onnx
#include <cuda_runtime_api.h>
#include <foldconv/foldconv.hpp>
#include <foldconv/onnx.hpp>

#include <cstdio>
#include <vector>

namespace {

int fail(const foldconv::Status& status) {
  std::fprintf(stderr, "network: %s\n", status.message().c_str());
  return 1;
}

}  // namespace

int main(int, char** arguments) {
  using namespace foldconv;
  const auto graph = onnx::read(arguments[1]);
  if (!graph) return fail(graph.status());
  const auto network = Network::create(*graph);
  if (!network) return fail(network.status());
  const auto plan = network->plan({.n = 2, .h = 4, .w = 4});
  if (!plan) return fail(plan.status());

  const std::vector<float> images(plan->input_bytes(0) / sizeof(float), 1.0f);
  std::vector<float> logits(plan->output_bytes(0) / sizeof(float));
  void *x = nullptr, *y = nullptr, *workspace = nullptr;
  cudaMalloc(&x, plan->input_bytes(0));
  cudaMalloc(&y, plan->output_bytes(0));
  cudaMalloc(&workspace, plan->workspace_bytes());
  cudaMemcpy(x, images.data(), plan->input_bytes(0), cudaMemcpyHostToDevice);
  const Status status = plan->run({.inputs = {x},
                                   .outputs = {y},
                                   .workspace = workspace,
                                   .workspace_bytes = plan->workspace_bytes()});
  if (!status) return fail(status);
  cudaMemcpy(logits.data(), y, plan->output_bytes(0), cudaMemcpyDeviceToHost);

  // Ones under 3x3 ones over two channels: 18 inside, 12 at edges, 8 in corners; 12.5 on average.
  if (logits == std::vector{25.0f, -11.5f, 25.0f, -11.5f}) return 0;
  return fail(Status(ErrorCode::cuda_error, "a wrong result"));
}
