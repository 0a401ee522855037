// SPDX-License-Identifier: MIT
// network.cpp in C99: network_c network.onnx
#include <foldconv.h>

#include <cuda_runtime_api.h>
#include <stdio.h>

enum {
  IMAGES = 2,
  SIZE = 4,
  CHANNELS = 2,
  PIXELS = IMAGES * CHANNELS * SIZE * SIZE,
  LOGITS = IMAGES * 2
};

static int fail(const fc_error* error) {
  fprintf(stderr, "network: %s: %s\n", fc_code_name(error->code), error->message);
  return 1;
}

int main(int count, char** arguments) {
  fc_error error = {.code = FC_OK};
  fc_graph* graph = NULL;
  fc_network* network = NULL;
  fc_plan* plan = NULL;
  const fc_network_options options = {.size = sizeof options, .type = FC_TYPE_F16};
  const fc_plan_options shape = {.size = sizeof shape, .n = IMAGES, .h = SIZE, .w = SIZE};
  if (count != 2) return 2;
  if (fc_onnx_read_file(arguments[1], NULL, &graph, &error) != FC_OK) return fail(&error);
  if (fc_network_create(graph, &options, &network, &error) != FC_OK) return fail(&error);
  if (fc_network_plan(network, &shape, &plan, &error) != FC_OK) return fail(&error);

  float images[PIXELS], logits[LOGITS] = {0};
  for (int i = 0; i < PIXELS; ++i) images[i] = 1;
  void *x = NULL, *y = NULL, *workspace = NULL;
  if (cudaMalloc(&x, sizeof images) != cudaSuccess ||
      cudaMalloc(&y, sizeof logits) != cudaSuccess ||
      cudaMalloc(&workspace, fc_plan_workspace_bytes(plan)) != cudaSuccess ||
      cudaMemcpy(x, images, sizeof images, cudaMemcpyHostToDevice) != cudaSuccess) {
    fprintf(stderr, "network: no device memory\n");
    return 1;
  }
  const void* inputs[] = {x};
  void* outputs[] = {y};
  const fc_buffers buffers = {.size = sizeof buffers,
                              .inputs = inputs,
                              .input_count = 1,
                              .outputs = outputs,
                              .output_count = 1,
                              .workspace = workspace,
                              .workspace_bytes = fc_plan_workspace_bytes(plan)};
  if (fc_plan_run(plan, &buffers, NULL, &error) != FC_OK) return fail(&error);
  if (cudaMemcpy(logits, y, sizeof logits, cudaMemcpyDeviceToHost) != cudaSuccess) {
    fprintf(stderr, "network: the kernels failed\n");
    return 1;
  }
  cudaFree(x);
  cudaFree(y);
  cudaFree(workspace);
  fc_graph_free(graph);
  fc_network_free(network);
  fc_plan_free(plan);

  // Ones under 3x3 ones over two channels: 18 inside, 12 at edges, 8 in corners; 12.5 on average.
  for (int i = 0; i < IMAGES; ++i) {
    if (logits[2 * i] != 25.0f || logits[2 * i + 1] != -11.5f) {
      fprintf(stderr, "network: wrong logits of image %d\n", i);
      return 1;
    }
  }
  printf("network: ok, foldconv %s\n", fc_version());
  return 0;
}
