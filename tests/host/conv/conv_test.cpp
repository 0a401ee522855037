// SPDX-License-Identifier: MIT
// Conv and ConvPlan on the device: create, plan, run, and what happens to y when run() refuses.
#include "foldconv/conv.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/device.hpp"
#include "base/device_memory.hpp"
#include "catalog/registry.hpp"
#include "foldconv/pointwise.hpp"
#include "harness/oracle/oracle.hpp"
#include "host/expect_error.hpp"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/device_buffer.hpp"

namespace foldconv {
namespace {

using kernel_tests::DeviceBuffer;
using kernel_tests::first_conv_kernel;
using test::fails_with;
using test::kInvalid;

// 2 images of 5x4, 16 channels to 24, 3x3: small integers, so that every dtype computes exactly.
struct Case {
  explicit Case(DataType dtype, bool residual = false)
      : problem({.dtype = dtype,
                 .n = 2,
                 .h = 5,
                 .w = 4,
                 .c = 16,
                 .k = 24,
                 .r = 3,
                 .s = 3,
                 .pad = {1, 1, 1, 1},
                 .activation = Activation::relu,
                 .residual = residual}) {
    const auto fill = [](std::int64_t count, int period) {
      std::vector<float> values(static_cast<std::size_t>(count));
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>(static_cast<int>(i * 7) % period - period / 2);
      }
      return values;
    };
    inputs.x = fill(problem.input().elements(), 5);
    inputs.weights = fill(problem.k * problem.c * 9, 3);
    inputs.scale.assign(24, 1.0f);
    inputs.bias = fill(24, 11);
    if (residual) inputs.residual = fill(problem.output().elements(), 9);
  }

  FoldedConv folded() const {
    return *fold({.values = inputs.weights,
                  .k = problem.k,
                  .c_per_group = problem.c,
                  .r = 3,
                  .s = 3,
                  .bias = inputs.bias},
                 std::nullopt, {.dtype = problem.dtype});
  }
  std::vector<std::byte> expected() const {
    const std::vector<double> y = oracle::conv(problem, inputs).y;
    return oracle::encode(problem.dtype, std::vector<float>(y.begin(), y.end()));
  }

  ConvProblem problem;
  oracle::ConvInputs inputs;
};

// A case with its plan and its tensors on the device.
struct Planned : Case {
  explicit Planned(DataType dtype, bool with_residual = false)
      : Case(dtype, with_residual),
        plan(*Conv::create(folded())->plan(problem)),
        x(oracle::encode(dtype, inputs.x)),
        residual(
            oracle::encode(dtype, with_residual ? inputs.residual : std::vector<float>(8, 0.0f))),
        y(expected().size()) {}

  ConvBuffers buffers() const {
    return {.x = x.data(), .residual = problem.residual ? residual.data() : nullptr, .y = y.data()};
  }
  bool y_untouched() const {
    return std::ranges::all_of(y.download(), [](std::byte b) {
      return b == static_cast<std::byte>(DeviceBuffer::kPoison);
    });
  }

  ConvPlan plan;
  DeviceBuffer x, residual, y;
};

class ConvOfDtype : public testing::TestWithParam<DataType> {};

// Neither the FoldedConv nor the Conv outlives the constructor of Planned: the plan keeps what it
// needs.
TEST_P(ConvOfDtype, PlanOutlivesConv) {
  const Planned planned(GetParam(), true);
  const Status status = planned.plan.run(planned.buffers());
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(planned.y.download(), planned.expected());
}

TEST_P(ConvOfDtype, ResidualInPlace) {
  const Planned planned(GetParam(), true);
  DeviceBuffer y(oracle::encode(GetParam(), planned.inputs.residual));
  const Status status =
      planned.plan.run({.x = planned.x.data(), .residual = y.data(), .y = y.data()});
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(y.download(), planned.expected());
}

TEST_P(ConvOfDtype, OneConvServesManyProblems) {
  const Case example(GetParam());
  const Result<Conv> conv = Conv::create(example.folded());
  ASSERT_TRUE(conv.ok()) << conv.status().message();
  for (const int n : {1, 3}) {
    Case other(GetParam());
    other.problem.n = n;
    other.inputs.x.resize(static_cast<std::size_t>(other.problem.input().elements()), 1.0f);
    const Result<ConvPlan> plan = conv->plan(other.problem);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_EQ(plan->problem(), other.problem);
    const std::vector<std::byte> expected = other.expected();
    DeviceBuffer x(oracle::encode(GetParam(), other.inputs.x)), y(expected.size());
    ASSERT_TRUE(plan->run({.x = x.data(), .y = y.data()}).ok());
    EXPECT_EQ(y.download(), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ConvOfDtype,
                         testing::Values(DataType::f16, DataType::bf16, DataType::f32),
                         [](const auto& test) { return to_string(test.param); });

TEST(ConvRun, EveryRefusalLeavesTheOutputAlone) {
  const Planned planned(DataType::f16, true);
  const auto refused = [&](ErrorCode code, auto change) {
    ConvBuffers buffers = planned.buffers();
    change(buffers);
    const testing::AssertionResult result =
        fails_with(planned.plan.run(buffers), code, {": ", "; "});
    EXPECT_TRUE(planned.y_untouched());
    return result;
  };
  const auto offset = [](const void* pointer, std::ptrdiff_t bytes) {
    return static_cast<void*>(static_cast<std::byte*>(const_cast<void*>(pointer)) + bytes);
  };
  EXPECT_TRUE(refused(kInvalid, [](auto& b) { b.x = nullptr; }));
  EXPECT_TRUE(refused(kInvalid, [](auto& b) { b.y = nullptr; }));
  EXPECT_TRUE(refused(kInvalid, [](auto& b) { b.residual = nullptr; }));
  EXPECT_TRUE(refused(ErrorCode::misaligned, [&](auto& b) { b.x = offset(b.x, 2); }));
  EXPECT_TRUE(refused(ErrorCode::misaligned, [&](auto& b) { b.y = offset(b.y, 8); }));
  EXPECT_TRUE(refused(ErrorCode::misaligned, [&](auto& b) { b.residual = offset(b.residual, 4); }));
  EXPECT_TRUE(refused(ErrorCode::aliasing, [](auto& b) { b.x = b.y; }));
  EXPECT_TRUE(refused(ErrorCode::aliasing, [&](auto& b) { b.residual = offset(b.y, 16); }));
}

TEST(ConvRun, ResidualOfAProblemWithoutOne) {
  const Planned planned(DataType::f16);
  ConvBuffers buffers = planned.buffers();
  buffers.residual = planned.residual.data();
  EXPECT_TRUE(fails_with(planned.plan.run(buffers), kInvalid, {"residual"}));
  EXPECT_TRUE(planned.y_untouched());
}

TEST(ConvPlan, ProblemMustMatchTheWeights) {
  const Case example(DataType::f16);
  const Result<Conv> conv = Conv::create(example.folded());
  ASSERT_TRUE(conv.ok()) << conv.status().message();
  const auto refused = [&](auto change, std::initializer_list<std::string_view> parts) {
    ConvProblem problem = example.problem;
    change(problem);
    return fails_with(conv->plan(problem), kInvalid, parts);
  };
  EXPECT_TRUE(refused([](auto& p) { p.k = 32; }, {"k", "problem 32, weights 24", "use k = 24"}));
  EXPECT_TRUE(refused([](auto& p) { p.c = 8; }, {"c / groups", "problem 8, weights 16"}));
  EXPECT_TRUE(refused([](auto& p) { p.groups = 2; }, {"c / groups", "problem 8, weights 16"}));
  EXPECT_TRUE(refused([](auto& p) { p.r = 1; }, {"r", "problem 1, weights 3"}));
  EXPECT_TRUE(refused([](auto& p) { p.s = 1; }, {"s", "problem 1, weights 3"}));
  EXPECT_TRUE(
      refused([](auto& p) { p.dtype = DataType::bf16; }, {"problem bf16, weights f16", "fold"}));
  EXPECT_TRUE(refused([](auto& p) { p.n = 0; }, {"n = 0"}));
}

// The weights know k, r, s, c and the data type.
TEST(ConvPlan, ImagesAndOptionsMakeTheProblem) {
  const std::vector<float> weights(6 * 4 * 3 * 5, 1.0f);
  const Conv conv =
      *Conv::create(*fold({.values = weights, .k = 6, .c_per_group = 4, .r = 3, .s = 5},
                          std::nullopt, {.dtype = DataType::bf16}));
  const Result<ConvPlan> plan =
      conv.plan({.n = 3, .h = 14, .w = 15}, {.stride = {2, 3},
                                             .pad = Padding::symmetric(1, 2),
                                             .dilation = {2, 1},
                                             .groups = 2,
                                             .activation = Activation::leaky_relu(0.5f),
                                             .residual = true});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  const ConvProblem expected = {.dtype = DataType::bf16,
                                .n = 3,
                                .h = 14,
                                .w = 15,
                                .c = 8,
                                .k = 6,
                                .r = 3,
                                .s = 5,
                                .stride = {2, 3},
                                .pad = {1, 1, 2, 2},
                                .dilation = {2, 1},
                                .groups = 2,
                                .activation = Activation::leaky_relu(0.5f),
                                .residual = true};
  EXPECT_EQ(plan->problem(), expected);
  EXPECT_EQ(conv.plan({.h = 3, .w = 5})->problem(), conv.problem({1, 3, 5}));
  EXPECT_EQ(Padding::same(2), (Padding{2, 2, 2, 2}));
  EXPECT_TRUE(fails_with(conv.plan({.h = 3, .w = 5}, {.groups = 1 << 30}), kInvalid, {"groups"}));
  EXPECT_TRUE(fails_with(conv.plan({.h = 3, .w = 5}, {.groups = -1}), kInvalid, {"c = -4"}));
  EXPECT_TRUE(fails_with(conv.plan({.h = 3, .w = 5}, {}, {.kernel = "direct_f16_sm80"}),
                         ErrorCode::unsupported, {"f16"}));
}

TEST(ConvPlan, PinnedKernelsRunOrSayWhyNot) {
  const Planned planned(DataType::f16);
  const Conv conv = *Conv::create(planned.folded());
  const Result<ConvPlan> direct = conv.plan(planned.problem, {.kernel = "direct_f16_sm80"});
  ASSERT_TRUE(direct.ok()) << direct.status().message();
  EXPECT_EQ(direct->explanation().kernel, "direct_f16_sm80");
  ASSERT_TRUE(direct->run(planned.buffers()).ok());
  EXPECT_EQ(planned.y.download(), planned.expected());

  EXPECT_TRUE(fails_with(
      conv.plan(planned.problem, {.kernel = first_conv_kernel(ConvLoader::load_1x1).name}),
      ErrorCode::unsupported, {"r x s = 3x3"}));
  EXPECT_TRUE(fails_with(conv.plan(planned.problem, {.kernel = "no_such_kernel"}), kInvalid,
                         {"no_such_kernel", "direct_f16_sm80"}));
}

// Two plans of one kernel, the later with a smaller table in shared memory: it must not take
// permission for the larger one from the earlier.
TEST(ConvPlan, LargeSharedMemoryStaysPermitted) {
  const Planned planned(DataType::f16);
  const PlanOptions pin = {.kernel = first_conv_kernel(ConvLoader::load_narrow).name};
  const Result<ConvPlan> larger = Conv::create(planned.folded())->plan(planned.problem, pin);
  ASSERT_TRUE(larger.ok()) << larger.status().message();
  EXPECT_GT(larger->explanation().shared_bytes, 48u * 1024);

  const std::vector<float> one_tap(24 * 8, 1.0f);
  const FoldedConv folded = *fold({.values = one_tap, .k = 24, .c_per_group = 8}, std::nullopt);
  const Result<ConvPlan> smaller = Conv::create(folded)->plan({.h = 2, .w = 2}, {}, pin);
  ASSERT_TRUE(smaller.ok()) << smaller.status().message();
  EXPECT_LT(smaller->explanation().shared_bytes, larger->explanation().shared_bytes);

  const Status status = larger->run(planned.buffers());
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(planned.y.download(), planned.expected());
}

TEST(ConvPlan, BelongsToItsDevice) {
  const int current = *host::current_device();
  EXPECT_TRUE(host::check_current_device(current, "the plan").ok());
  EXPECT_TRUE(fails_with(host::check_current_device(current + 1, "the plan"), kInvalid,
                         {"the current device is not the one of the plan", "cudaSetDevice("}));
}

cudaMemoryType type_of(const void* pointer) {
  cudaPointerAttributes attributes = {};
  EXPECT_EQ(cudaPointerGetAttributes(&attributes, pointer), cudaSuccess);
  return attributes.type;
}

TEST(DeviceMemory, IsFreedWithItsOwner) {
  const std::vector<std::byte> bytes(1000, std::byte{42});
  const void* pointer = nullptr;
  {
    Result<host::DeviceMemory> copy = host::DeviceMemory::copy_of({bytes}, "the test");
    ASSERT_TRUE(copy.ok()) << copy.status().message();
    const host::DeviceMemory owner = std::move(copy).value();
    pointer = owner.part(0);
    EXPECT_EQ(type_of(pointer), cudaMemoryTypeDevice);
    std::vector<std::byte> back(bytes.size());
    ASSERT_EQ(cudaMemcpy(back.data(), pointer, back.size(), cudaMemcpyDeviceToHost), cudaSuccess);
    EXPECT_EQ(back, bytes);
  }
  EXPECT_EQ(type_of(pointer), cudaMemoryTypeUnregistered);
}

TEST(DeviceMemory, PartsAreAligned) {
  const std::vector<std::byte> first(5, std::byte{1}), second(300, std::byte{2}),
      third(1, std::byte{3});
  const Result<host::DeviceMemory> memory =
      host::DeviceMemory::copy_of({first, second, third}, "the test");
  ASSERT_TRUE(memory.ok()) << memory.status().message();
  const auto content = [&](std::size_t part, std::size_t bytes) {
    std::vector<std::byte> back(bytes);
    EXPECT_EQ(cudaMemcpy(back.data(), memory->part(part), bytes, cudaMemcpyDeviceToHost),
              cudaSuccess);
    return back;
  };
  EXPECT_EQ(content(0, 5), first);
  EXPECT_EQ(content(1, 300), second);
  EXPECT_EQ(content(2, 1), third);
  for (const std::size_t part : {0, 1, 2}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory->part(part)) % 256, 0u);
  }
}

TEST(DeviceMemory, ExhaustionIsAnErrorThatLeavesNoTrace) {
  const std::byte byte = {};
  EXPECT_TRUE(fails_with(
      host::DeviceMemory::copy_of({std::span(&byte, std::size_t{1} << 50)}, "the weights"),
      ErrorCode::out_of_memory, {"1125899906842624 bytes for the weights", "free device memory"}));
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST(Explain, TellsWhatAPlanWouldDo) {
  const Planned planned(DataType::f16);
  const Result<Explanation> explanation = explain(planned.problem);
  ASSERT_TRUE(explanation.ok()) << explanation.status().message();
  const Explanation& plan = planned.plan.explanation();
  EXPECT_EQ(explanation->kernel, plan.kernel);
  const host::ConvKernel* const kernel = host::find_conv_kernel(explanation->kernel);
  ASSERT_NE(kernel, nullptr);
  ASSERT_NE(kernel->tile, nullptr);
  const ConvTile& tile = *kernel->tile;
  // 40 pixels, 24 channels.
  const int ctas =
      ((40 + tile.block_m - 1) / tile.block_m) * ((24 + tile.block_n - 1) / tile.block_n);
  EXPECT_EQ(explanation->grid, static_cast<unsigned>(ctas));
  EXPECT_EQ(explanation->threads, static_cast<unsigned>(tile.threads()));
  EXPECT_EQ(explanation->shared_bytes, plan.shared_bytes);
  EXPECT_GT(explanation->registers, 16);
  // The tile's launch bound, as far as shared memory goes.
  int shared_bytes = 0;
  ASSERT_EQ(cudaDeviceGetAttribute(&shared_bytes, cudaDevAttrMaxSharedMemoryPerMultiprocessor, 0),
            cudaSuccess);
  const int room = shared_bytes / static_cast<int>(explanation->shared_bytes + 1024);
  EXPECT_GE(explanation->ctas_per_sm, std::min(tile.min_ctas_per_sm, room));
  EXPECT_GT(explanation->waves, 0);
  EXPECT_LT(explanation->waves, 0.01);
  EXPECT_EQ(explanation->workspace_bytes, 0u);
  EXPECT_EQ(planned.plan.workspace_bytes(), 0u);
  const auto all = host::in_order(host::conv_kernels(), DataType::f16);
  EXPECT_EQ(explanation->refused.size(), all.size() - 1);

  const std::string text = explanation->to_string();
  const std::string launch =
      std::to_string(ctas) + " CTAs of " + std::to_string(tile.threads()) + " threads";
  for (const std::string& part :
       {explanation->kernel, std::string("fewer than 64 channels"), launch, std::string(" waves"),
        std::string("not taken   conv_1x1_f16")}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_TRUE(fails_with(explain({.h = 0, .w = 1, .c = 1, .k = 1}), kInvalid, {"h = 0"}));
}

TEST(PointwiseRun, AddInPlace) {
  const std::vector<float> a = {1, 2, 3, 4, 5, 6, 7, 8, 9},
                           b = {10, 20, 30, 40, 50, 60, 70, 80, 90};
  std::vector<float> sum;
  for (std::size_t i = 0; i < a.size(); ++i) sum.push_back(a[i] + b[i]);
  DeviceBuffer x(oracle::encode(DataType::f16, a)), y(oracle::encode(DataType::f16, b));
  const Status status = pointwise::add(DataType::f16, {1, 1, 1, 9}, x.data(), y.data(), y.data());
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(y.download(), oracle::encode(DataType::f16, sum));
}

}  // namespace
}  // namespace foldconv
