// SPDX-License-Identifier: MIT
// Conv, ConvPlan and pointwise against a CUDA runtime that fails, is late, or has two devices.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "cuemu.h"
#include "foldconv/pointwise.hpp"
#include "host/expect_error.hpp"
#include "host/failing_calls.hpp"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/device_buffer.hpp"

namespace foldconv {
namespace {

using kernel_tests::DeviceBuffer;
using test::every_call_fails;
using test::fails_with;
using test::kInvalid;

constexpr std::size_t kElements = 64;

// A 1x1 convolution of 64 channels by the unit matrix, plus `bias`, on one pixel: y = x + bias.
FoldedConv shift_by(float bias) {
  std::vector<float> weights(kElements * kElements, 0.0f);
  for (std::size_t i = 0; i < kElements; ++i) weights[i * kElements + i] = 1;
  const std::vector<float> biases(kElements, bias);
  return *fold({.values = weights, .k = 64, .c_per_group = 64, .bias = biases}, std::nullopt,
               {.dtype = DataType::f32});
}
constexpr ConvProblem kProblem = {.dtype = DataType::f32, .h = 1, .w = 1, .c = 64, .k = 64};

std::span<const std::byte> input_bytes(const std::vector<float>& values) {
  return std::as_bytes(std::span(values));
}

// Tensors of one run on the current device; x is all `value`.
struct Tensors {
  explicit Tensors(float value)
      : x(input_bytes(std::vector<float>(kElements, value))), y(kElements * sizeof(float)) {
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  }
  ConvBuffers buffers() const { return {.x = x.data(), .y = y.data()}; }
  testing::AssertionResult y_is(float value) const {
    const std::vector<std::byte> got = y.download();
    const std::vector<float> expected(kElements, value);
    if (std::ranges::equal(got, input_bytes(expected))) return testing::AssertionSuccess();
    float first = 0;
    std::memcpy(&first, got.data(), sizeof first);
    return testing::AssertionFailure() << "y[0] = " << first << ", expected " << value;
  }
  bool y_untouched() const {
    return std::ranges::all_of(y.download(),
                               [](std::byte b) { return b == std::byte{DeviceBuffer::kPoison}; });
  }

  DeviceBuffer x, y;
};

#define FOLDCONV_NEEDS_EMULATOR() \
  if (!cuemu_present()) GTEST_SKIP() << "a GPU's calls do not fail when asked to"

TEST(ConvCalls, EachFailureOfCreateIsAnErrorAndLeavesNothing) {
  FOLDCONV_NEEDS_EMULATOR();
  const FoldedConv folded = shift_by(1);
  const auto create = [&] { return Conv::create(folded).status(); };
  // The device, its figures and clocks, one allocation, three copies and their end.
  EXPECT_EQ(every_call_fails(create, cudaErrorMemoryAllocation, ErrorCode::out_of_memory), 13);
  EXPECT_EQ(every_call_fails(create, cudaErrorUnknown, ErrorCode::cuda_error), 13);
}

TEST(ConvCalls, AConvIsOneAllocation) {
  FOLDCONV_NEEDS_EMULATOR();
  const std::uint64_t before = test::live_allocations();
  const Result<Conv> conv = Conv::create(shift_by(1));
  ASSERT_TRUE(conv.ok()) << conv.status().message();
  EXPECT_EQ(test::live_allocations(), before + 1);
}

TEST(ConvCalls, EachFailureOfPlanAndExplainIsAnError) {
  FOLDCONV_NEEDS_EMULATOR();
  const Conv conv = *Conv::create(shift_by(1));
  const auto plan = [&] { return conv.plan(kProblem).status(); };
  const auto tell = [&] { return explain(kProblem).status(); };
  // The current device, and three that prepare the kernel; explain() asks for the device's figures and clocks.
  EXPECT_EQ(every_call_fails(plan, cudaErrorUnknown, ErrorCode::cuda_error), 4);
  EXPECT_EQ(every_call_fails(tell, cudaErrorUnknown, ErrorCode::cuda_error), 11);
}

TEST(ConvCalls, EachFailureOfRunIsAnErrorAndLeavesTheOutput) {
  FOLDCONV_NEEDS_EMULATOR();
  const ConvPlan plan = *Conv::create(shift_by(1))->plan(kProblem);
  const Tensors tensors(2);
  // Whose device is current, and the launch.
  for (std::uint64_t n = 1; n <= 2; ++n) {
    cuemu_fail_call(nullptr, n, cudaErrorUnknown);
    EXPECT_TRUE(fails_with(plan.run(tensors.buffers()), ErrorCode::cuda_error, {"Unknown"}));
    EXPECT_EQ(cuemu_cancel_failure(), 0);
    EXPECT_TRUE(tensors.y_untouched());
  }
  EXPECT_EQ(every_call_fails([&] { return plan.run(tensors.buffers()); }, cudaErrorUnknown,
                             ErrorCode::cuda_error),
            2);
  EXPECT_TRUE(tensors.y_is(3));
}

TEST(PointwiseCalls, EachFailureIsAnError) {
  FOLDCONV_NEEDS_EMULATOR();
  const Tensors tensors(2);
  const Shape shape = {1, 1, 1, kElements};
  const auto add = [&] {
    return pointwise::add(DataType::f32, shape, tensors.x.data(), tensors.x.data(),
                          tensors.y.data());
  };
  const auto prepare = [] { return pointwise::prepare(DataType::bf16); };
  EXPECT_GE(every_call_fails(add, cudaErrorUnknown, ErrorCode::cuda_error), 6);
  EXPECT_TRUE(tensors.y_is(4));
  EXPECT_GE(every_call_fails(prepare, cudaErrorUnknown, ErrorCode::cuda_error), 5 + 3);
}

TEST(PointwiseCalls, PrepareKnowsItsTypes) {
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    const Status status = pointwise::prepare(dtype);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  EXPECT_TRUE(fails_with(pointwise::prepare(static_cast<DataType>(9)), kInvalid, {"9"}));
}

// The copy of the weights has arrived when create() returns: a stream that waits for no other sees it.
TEST(ConvCalls, WeightsHaveArrived) {
  const Tensors tensors(2);
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  {
    const ConvPlan plan = *Conv::create(shift_by(1))->plan(kProblem);
    const Status status = plan.run(tensors.buffers(), stream);
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  }
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_TRUE(tensors.y_is(3));
}

// Two threads meet after each has built its launch, and before the runtime reads its arguments.
TEST(ConvCalls, ThreadsShareNoArguments) {
  FOLDCONV_NEEDS_EMULATOR();
  const Tensors tensors[] = {Tensors(2), Tensors(5)};
  const ConvPlan plan = *Conv::create(shift_by(1))->plan(kProblem);
  std::barrier both(2);
  cuemu_at_launch([](void* barrier) { static_cast<std::barrier<>*>(barrier)->arrive_and_wait(); },
                  &both);
  std::vector<std::thread> threads;
  for (const Tensors& own : tensors) {
    threads.emplace_back([&] { EXPECT_TRUE(plan.run(own.buffers()).ok()); });
  }
  for (std::thread& thread : threads) thread.join();
  cuemu_at_launch(nullptr, nullptr);
  EXPECT_TRUE(tensors[0].y_is(3));
  EXPECT_TRUE(tensors[1].y_is(6));
}

class TwoDevices : public testing::Test {
 protected:
  void SetUp() override {
    int count = 0;
    ASSERT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
    if (count < 2) GTEST_SKIP() << "one device; on the emulator: CUEMU_DEVICES=2";
  }
  void TearDown() override { EXPECT_EQ(cudaSetDevice(0), cudaSuccess); }
};

TEST_F(TwoDevices, APlanRunsOnItsOwn) {
  const Conv conv = *Conv::create(shift_by(1));
  const ConvPlan plan = *conv.plan(kProblem);
  const Tensors tensors(2);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_TRUE(fails_with(plan.run(tensors.buffers()), kInvalid,
                         {"current 1, the plan's 0", "cudaSetDevice(0)"}));
  EXPECT_TRUE(fails_with(conv.plan(kProblem), kInvalid, {"current 1, the weights's 0"}));
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_TRUE(tensors.y_untouched());
  ASSERT_TRUE(plan.run(tensors.buffers()).ok());
  EXPECT_TRUE(tensors.y_is(3));
}

TEST_F(TwoDevices, EachHasItsWeights) {
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  const ConvPlan plan = *Conv::create(shift_by(4))->plan(kProblem);
  {
    const Tensors tensors(2);
    ASSERT_TRUE(plan.run(tensors.buffers()).ok());
    EXPECT_TRUE(tensors.y_is(6));
  }
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_FALSE(plan.run({}).ok());
}

// Figures of a kernel depend on the launch, not on the kernel alone: the larger table of addresses
// leaves room for fewer CTAs.
TEST(Explain, ResidentCtasAreThoseOfTheLaunch) {
  const PlanOptions pin = {.kernel =
                               kernel_tests::first_conv_kernel(ConvLoader::load_element).name};
  const auto explained = [&](int channels) {
    const Result<Explanation> result =
        explain({.h = 15, .w = 15, .c = channels, .k = 64, .r = 15, .s = 15}, pin);
    EXPECT_TRUE(result.ok()) << result.status().message();
    return *result;
  };
  const Explanation small = explained(1), large = explained(35), again = explained(1);
  EXPECT_GT(large.shared_bytes, small.shared_bytes);
  EXPECT_LT(large.ctas_per_sm, small.ctas_per_sm);
  EXPECT_EQ(again.ctas_per_sm, small.ctas_per_sm);
}

}  // namespace
}  // namespace foldconv
