// SPDX-License-Identifier: MIT
// The CUDA calls of layers that are no convolution: each may fail, and in a capture there is nothing but a launch.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/device/buffer.hpp"
#include "harness/oracle/rounding.hpp"
#include "host/failing_calls.hpp"
#include "layer/affine.hpp"
#include "layer/copy.hpp"
#include "layer/pool.hpp"

namespace foldconv {
namespace {

using test::every_call_fails;

const host::ActivateProblem kRelu = {
    .dtype = DataType::f32, .elements_per_image = 4, .activation = Activation::relu};
const std::vector<float> kSigned = {-1, 2, -3, 4}, kPositive = {0, 2, 0, 4};

TEST(LayerCalls, EachFailureIsAnError) {
  if (cuemu_present() == 0) GTEST_SKIP() << "failures are planted by the emulator";
  const auto plan = [] { return host::plan_activate(kRelu).status(); };
  EXPECT_GE(every_call_fails(plan, cudaErrorUnknown, ErrorCode::cuda_error), 5 + 3);
  const host::Layer layer = *host::plan_activate(kRelu);
  const harness::DeviceBuffer x(std::as_bytes(std::span(kSigned))), y(x.bytes());
  const auto run = [&] { return layer.run({.x = x.data(), .y = y.data()}, 1, nullptr); };
  EXPECT_EQ(every_call_fails(run, cudaErrorUnknown, ErrorCode::cuda_error), 1);
  EXPECT_EQ(oracle::decode(DataType::f32, y.download()), kPositive);
}

TEST(LayerCalls, RunsInACapture) {
  const host::Layer layer = *host::plan_activate(kRelu);
  const harness::DeviceBuffer x(std::as_bytes(std::span(kSigned))), y(x.bytes());
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t replay = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  const Status status = layer.run({.x = x.data(), .y = y.data()}, 1, stream);
  EXPECT_TRUE(status.ok()) << status.message();
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  EXPECT_NE(oracle::decode(DataType::f32, y.download()), kPositive) << "ran while captured";
  ASSERT_EQ(cudaGraphInstantiate(&replay, graph, 0), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(replay, stream), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(oracle::decode(DataType::f32, y.download()), kPositive);
  EXPECT_EQ(cudaGraphExecDestroy(replay), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

// What a network's plan adds up and prints.
TEST(LayerFigures, AreThoseOfTheLaunch) {
  const host::Layer pool =
      *host::plan_pool({.n = 2, .h = 8, .w = 8, .c = 64, .window = {2, 2}, .stride = {2, 2}});
  EXPECT_EQ(pool.kernel(), std::string("max_pool_f16_sm80"));
  EXPECT_EQ(pool.shape().threads, 256U);
  EXPECT_EQ(pool.shape().grid, 1U);  // 2 x 4 x 4 pixels of 8 pieces
  EXPECT_FALSE(pool.cost().tensor_cores);
  EXPECT_EQ(pool.cost().dram_bytes, 2.0 * (64 + 16) * 64 * 2);
  EXPECT_EQ(pool.cost().flops, 2.0 * 16 * 64 * 4);

  host::CopyProblem twice;  // nearest, so each element of x is read for two of y
  twice.axes = {{.extent = 10, .y_stride = 1, .x_stride = 1, .x_extent = 5, .divide = 2}};
  const host::Layer copy = *host::plan_copy(twice);
  EXPECT_EQ(copy.cost().dram_bytes, 2.0 * (10 + 5));
}

}  // namespace
}  // namespace foldconv
