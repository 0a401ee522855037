// SPDX-License-Identifier: MIT
// CUDA graphs: capture of a stream, replay with changed data, forks over events, and what capture
// forbids.
#include "../support/device.cuh"

using namespace cuemu_tests;

namespace {

__global__ void multiply_add(int* out, const int* in, int factor, int bias, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) out[i] = in[i] * factor + bias;
}

struct Capture {
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;

  Capture() {
    CUDA_OK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CUDA_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  }
  ~Capture() {
    if (executable != nullptr) cudaGraphExecDestroy(executable);
    if (graph != nullptr) cudaGraphDestroy(graph);
    cudaStreamDestroy(stream);
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  void finish() {
    CUDA_OK(cudaStreamEndCapture(stream, &graph));
    CUDA_OK(cudaGraphInstantiate(&executable, graph, 0));
  }
  void replay() {
    CUDA_OK(cudaGraphLaunch(executable, stream));
    CUDA_OK(cudaStreamSynchronize(stream));
  }
};

TEST(RuntimeGraphs, replay_reads_the_data_of_the_moment) {
  const int kCount = 100;
  DeviceBuffer<int> in(std::vector<int>(kCount, 1));
  const auto middle = zeroed<int>(kCount), out = zeroed<int>(kCount);
  Capture capture;
  int factor = 3;
  multiply_add<<<1, 128, 0, capture.stream>>>(middle.get(), in.get(), factor, 1, kCount);
  factor = 5;  // arguments are taken at capture
  multiply_add<<<1, 128, 0, capture.stream>>>(out.get(), middle.get(), factor, 2, kCount);
  factor = 1000;
  capture.finish();
  EXPECT_VALUES(out.download(), std::vector<int>(kCount, 0));  // nothing has run yet
  capture.replay();
  EXPECT_VALUES(out.download(), std::vector<int>(kCount, 22));
  in.upload(std::vector<int>(kCount, -2));
  capture.replay();
  EXPECT_VALUES(out.download(), std::vector<int>(kCount, -23));
}

TEST(RuntimeGraphs, copies_and_fills_are_nodes) {
  const int kCount = 64;
  std::vector<int> host_in(kCount, 4), host_out(kCount);
  const auto device = zeroed<int>(kCount), work = zeroed<int>(kCount);
  Capture capture;
  CUDA_OK(cudaMemcpyAsync(device.get(), host_in.data(), device.bytes(), cudaMemcpyHostToDevice,
                          capture.stream));
  CUDA_OK(cudaMemsetAsync(work.get(), 0xff, work.bytes(), capture.stream));
  multiply_add<<<1, 64, 0, capture.stream>>>(work.get() + 1, device.get(), 2, 0, kCount - 1);
  CUDA_OK(cudaMemcpyAsync(host_out.data(), work.get(), work.bytes(), cudaMemcpyDeviceToHost,
                          capture.stream));
  capture.finish();
  size_t nodes = 0;
  CUDA_OK(cudaGraphGetNodes(capture.graph, nullptr, &nodes));
  EXPECT_EQ(nodes, 4u);
  for (int value : {4, 9}) {
    host_in.assign(kCount, value);
    capture.replay();
    std::vector<int> expected(kCount, 2 * value);
    expected[0] = -1;
    EXPECT_VALUES(host_out, expected);
  }
}

TEST(RuntimeGraphs, events_fork_and_join) {
  const int kCount = 32;
  const DeviceBuffer<int> in(std::vector<int>(kCount, 2));
  const auto left = zeroed<int>(kCount), right = zeroed<int>(kCount), out = zeroed<int>(kCount);
  Capture capture;
  cudaStream_t branch;
  cudaEvent_t fork, join;
  CUDA_OK(cudaStreamCreateWithFlags(&branch, cudaStreamNonBlocking));
  CUDA_OK(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming));
  CUDA_OK(cudaEventCreateWithFlags(&join, cudaEventDisableTiming));
  CUDA_OK(cudaEventRecord(fork, capture.stream));
  CUDA_OK(cudaStreamWaitEvent(branch, fork, 0));
  multiply_add<<<1, 32, 0, branch>>>(right.get(), in.get(), 10, 0, kCount);
  multiply_add<<<1, 32, 0, capture.stream>>>(left.get(), in.get(), 100, 0, kCount);
  multiply_add<<<1, 32, 0, branch>>>(right.get(), right.get(), 1, 1, kCount);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  CUDA_OK(cudaStreamIsCapturing(branch, &status));
  EXPECT_EQ(status, cudaStreamCaptureStatusActive);
  CUDA_OK(cudaEventRecord(join, branch));
  CUDA_OK(cudaStreamWaitEvent(capture.stream, join, 0));
  multiply_add<<<1, 32, 0, capture.stream>>>(out.get(), right.get(), 1, 0, kCount);
  multiply_add<<<1, 32, 0, capture.stream>>>(out.get(), left.get(), 1, 7, kCount / 2);
  capture.finish();
  CUDA_OK(cudaStreamIsCapturing(branch, &status));
  EXPECT_EQ(status, cudaStreamCaptureStatusNone);
  for (int round = 0; round < 2; ++round) {
    CUDA_OK(cudaMemset(out.get(), 0, out.bytes()));
    capture.replay();
    std::vector<int> expected(kCount, 21);
    for (int i = 0; i < kCount / 2; ++i) expected[i] = 207;
    EXPECT_VALUES(out.download(), expected);
  }
  CUDA_OK(cudaEventDestroy(fork));
  CUDA_OK(cudaEventDestroy(join));
  CUDA_OK(cudaStreamDestroy(branch));
}

TEST(RuntimeGraphs, waiting_for_a_capturing_stream_is_an_error) {
  const auto out = zeroed<int>(1);
  cudaStream_t stream;
  CUDA_OK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  CUDA_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  multiply_add<<<1, 1, 0, stream>>>(out.get(), out.get(), 1, 1, 1);
  EXPECT_STATUS(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported);
  cudaGraph_t graph = nullptr;
  EXPECT_STATUS(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
  EXPECT_TRUE(graph == nullptr);
  cudaGetLastError();
  // The stream is usable again, and what was captured never ran.
  multiply_add<<<1, 1, 0, stream>>>(out.get(), out.get(), 1, 5, 1);
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_EQ(out.download()[0], 5);
  CUDA_OK(cudaStreamDestroy(stream));
}

TEST(RuntimeGraphs, many_replays_queue_up) {
  const auto value = zeroed<int>(1);
  Capture capture;
  multiply_add<<<1, 1, 0, capture.stream>>>(value.get(), value.get(), 1, 2, 1);
  capture.finish();
  for (int i = 0; i < 20; ++i) CUDA_OK(cudaGraphLaunch(capture.executable, capture.stream));
  CUDA_OK(cudaStreamSynchronize(capture.stream));
  EXPECT_EQ(value.download()[0], 40);
}

}  // namespace
