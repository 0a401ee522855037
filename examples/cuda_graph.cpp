// SPDX-License-Identifier: MIT
// Copy in, run and copy out as one CUDA graph, replayed for pictures whose answers are known by hand.
#include <cuda_runtime.h>
#include <foldconv/foldconv.hpp>

#include <algorithm>
#include <cstdio>
#include <vector>

using namespace foldconv;

int report(const Status& status) {
  std::fprintf(stderr, "cuda_graph: %s\n", status.message().c_str());
  return 1;
}

int main() {
  Graph graph;  // the mean over channels, ReLU, the mean over pixels, and two logits of that
  Value x = graph.input("image", {kOpen, 4, kOpen, kOpen});
  x = graph.conv(x, {.weights = {{4, 4, 1, 1}, std::vector<float>(16, 0.25f)}});
  x = graph.flatten(graph.global_pool(graph.activate(x, Activation::relu), PoolKind::average));
  x = graph.linear(x, {.weights = {{2, 4}, {1, 0, 0, 0, -2, 0, 0, 0}}, .bias = {{2}, {0.5f, 0}}});
  graph.output(x, "logits");
  const auto network = Network::create(graph);
  if (!network) return report(network.status());
  const auto plan = network->plan({.n = 1, .h = 6, .w = 5});
  if (!plan) return report(plan.status());

  float *image = nullptr, *logits = nullptr;  // pinned, as copies in a graph want them
  void *x_device = nullptr, *y = nullptr, *workspace = nullptr;
  const std::size_t x_bytes = plan->input_bytes(0), y_bytes = plan->output_bytes(0);
  const std::size_t bytes = plan->workspace_bytes();
  cudaMallocHost(&image, x_bytes);
  cudaMallocHost(&logits, y_bytes);
  cudaMalloc(&x_device, x_bytes);
  cudaMalloc(&y, y_bytes);
  cudaMalloc(&workspace, bytes);
  cudaStream_t stream = nullptr;
  cudaStreamCreate(&stream);

  cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  cudaMemcpyAsync(x_device, image, x_bytes, cudaMemcpyHostToDevice, stream);
  const Status status = plan->run({{x_device}, {y}, workspace, bytes}, stream);
  if (!status) return report(status);
  cudaMemcpyAsync(logits, y, y_bytes, cudaMemcpyDeviceToHost, stream);
  cudaGraph_t captured = nullptr;
  cudaStreamEndCapture(stream, &captured);
  cudaGraphExec_t replay = nullptr;
  cudaGraphInstantiate(&replay, captured, 0);

  for (const float value : {1.0f, -3.0f, 7.0f}) {
    std::fill_n(image, x_bytes / sizeof(float), value);
    cudaGraphLaunch(replay, stream);
    cudaStreamSynchronize(stream);
    const float mean = value > 0 ? value : 0;
    std::printf("%g: %g %g\n", value, logits[0], logits[1]);
    if (logits[0] != mean + 0.5f || logits[1] != -2 * mean) return 1;
  }
}
