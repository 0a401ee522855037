// SPDX-License-Identifier: MIT
// One plan, two threads, each with a stream, a workspace and an output of its own: the bits of a run alone.
#include <cuda_runtime.h>
#include <foldconv/foldconv.hpp>

#include <cmath>
#include <cstdio>
#include <thread>
#include <vector>

using namespace foldconv;

std::vector<float> waves(int count) {
  std::vector<float> values;
  for (int i = 0; i < count; ++i) values.push_back(std::sin(0.1f * float(i * i)));
  return values;
}

// The logits of the first so many images, of the last of five runs.
Result<std::vector<float>> answer(const NetworkPlan& plan, const void* x, int images) {
  const std::size_t y_bytes = plan.output_bytes(0), bytes = plan.workspace_bytes();
  void *y = nullptr, *t = nullptr;
  cudaStream_t stream = nullptr;
  cudaMalloc(&y, y_bytes);
  cudaMalloc(&t, bytes);
  cudaStreamCreate(&stream);  // waits for the default one, which copied x
  Status status;
  for (int i = 0; i < 5 && status; ++i) status = plan.run({{x}, {y}, t, bytes, images}, stream);
  if (!status) return status;
  std::vector<float> logits(y_bytes / sizeof(float) / plan.images() * images);
  cudaMemcpyAsync(logits.data(), y, logits.size() * sizeof(float), cudaMemcpyDeviceToHost, stream);
  cudaStreamSynchronize(stream);
  cudaFree(y);
  cudaFree(t);
  return logits;
}

int main() {
  Graph graph;
  Value v = graph.input("images", {kOpen, 8, kOpen, kOpen});
  v = graph.conv(v, {.weights = {{16, 8, 3, 3}, waves(16 * 8 * 9)}, .pad = Padding::same(1)});
  v = graph.flatten(graph.global_pool(graph.activate(v, Activation::relu), PoolKind::average));
  graph.output(graph.linear(v, {.weights = {{10, 16}, waves(10 * 16)}}), "logits");
  // Reading the value of a failed Result ends the program with its message.
  const auto network = Network::create(graph);
  const auto plan = network->plan({.n = 4, .h = 12, .w = 10});
  const auto images = waves(int(plan->input_bytes(0) / sizeof(float)));
  void* x = nullptr;
  cudaMalloc(&x, plan->input_bytes(0));
  cudaMemcpy(x, images.data(), plan->input_bytes(0), cudaMemcpyHostToDevice);

  const auto alone = *answer(*plan, x, 4);
  std::vector<float> first, second;
  std::thread other([&] { first = *answer(*plan, x, 4); });
  second = *answer(*plan, x, 2);
  other.join();
  if (first != alone || second != std::vector(alone.begin(), alone.begin() + 20)) return 1;
  std::puts("two_streams: ok");
}
