// SPDX-License-Identifier: MIT
// Blocks whose x and y are parts of the channels of other tensors, in every kernel and cut: the bits of dense ones.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "host/expect_error.hpp"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/pitched_tensor.hpp"
#include "kernels/support/test_blocks.hpp"

namespace foldconv::kernel_tests {
namespace {

using test::fails_with;

harness::Bytes run_pitched(const BlockPlan& plan, const BlockPitches& pitch, DataType dtype,
                           const harness::Bytes& content) {
  const PitchedTensor x(dtype, plan.input(), pitch.x, content, Guards::none),
      y(dtype, plan.output(), pitch.y, Guards::none);
  const DeviceBuffer workspace(plan.workspace_bytes(), Guards::none);
  check(plan.run({.x = x.data(),
                  .y = y.data(),
                  .workspace = workspace.data(),
                  .workspace_bytes = workspace.bytes()}));
  check(cudaDeviceSynchronize(), "block");
  EXPECT_TRUE(x.download() == content) << "x was changed";
  return y.download();
}

struct PitchedBlocks {
  std::string name;
  BlockPlanOptions options;
  std::vector<BlockShape> blocks;
  DataType dtype = DataType::f16;
};
std::ostream& operator<<(std::ostream& out, const PitchedBlocks& one) {
  return out << one.name;
}

class BlockPitch : public testing::TestWithParam<PitchedBlocks> {};

TEST_P(BlockPitch, GivesTheBitsOfDenseTensors) {
  const TestBlocks test(GetParam().blocks, GetParam().dtype);
  BlockPlanOptions options = GetParam().options;
  const auto dense = test.plan(options);
  if (!dense.ok()) {
    ASSERT_NE(dense.status().message().find("the device has"), std::string::npos)
        << dense.status().message();
    GTEST_SKIP() << dense.status().message();  // of shared memory
  }
  const harness::Bytes expected = test.run(*dense, Guards::none);
  options.pitch = {dense->input().c + 96, dense->output().c + 40};
  EXPECT_TRUE(run_pitched(value_of(test.plan(options)), options.pitch, GetParam().dtype,
                          test.input()) == expected);
}

std::vector<PitchedBlocks> cases() {
  std::vector<PitchedBlocks> all;
  const auto add = [&](const auto& kernel, const char* what, std::vector<BlockShape> blocks) {
    all.push_back({std::string(kernel.name) + what,
                   {.kernel = kernel.name},
                   std::move(blocks),
                   kernel.dtype});
  };
  for (const auto& kernel : host::joined_kernels())
    add(kernel, "", {with_downsample({"", 2, 5, 7, {144, 80, 104}}, 2)});
  for (const auto& kernel : host::tail_kernels()) {
    const int middle = kernel.tile->conv2.block_n == 64 ? 64 : kernel.tile->conv2.block_n - 48;
    add(kernel, "_identity", {{"", 1, 5, 7, {104, middle, 104}}});
    add(kernel, "_with_next",
        {{"", 1, 5, 7, {104, middle, 104}}, {"", 1, 5, 7, {104, middle, 104}}});
    add(kernel, "_projection", {with_downsample({"", 2, 5, 7, {64, 64, 104}}, 2)});
  }
  for (const auto& kernel : host::whole_kernels()) {
    const BlockShape shape = {"", 2, 9, 11, {kernel.tile->projection ? 64 : 192, 48, 192}};
    add(kernel, "", {kernel.tile->projection ? with_downsample(shape) : shape});
  }
  const auto add_chain = [&](const char* name, DataType dtype, std::vector<BlockShape> blocks) {
    all.push_back({name, {.cut = BlockCut::chain}, std::move(blocks), dtype});
  };
  const BlockShape identity = {"", 2, 5, 7, {64, 64, 64}};
  add_chain("chain_identity", DataType::bf16, {identity, identity});
  add_chain("chain_basic", DataType::f16, {with_downsample({"", 1, 5, 7, {16, 0, 24}}, 2)});
  // The downsample is rounded, in y.
  add_chain("chain_downsample", DataType::f32,
            {with_downsample({"", 2, 5, 7, {24, 8, 40}}, 2), {"", 2, 3, 4, {40, 8, 40}}});
  return all;
}

INSTANTIATE_TEST_SUITE_P(, BlockPitch, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

TEST(BlockPitches, AreRefusedWhereTheyAreNone) {
  const TestBlocks test({"", 1, 4, 4, {64, 64, 64}}, DataType::f16);
  EXPECT_TRUE(fails_with(test.plan({.pitch = {60, 0}}).status(), ErrorCode::invalid_argument,
                         {"pitch.x must be 0 or at least c"}));
  EXPECT_TRUE(fails_with(test.plan({.pitch = {0, 66}}).status(), ErrorCode::invalid_argument,
                         {"pitch.y must be k or a multiple of 16 bytes", "use pitch.y = 72"}));
  EXPECT_TRUE(fails_with(test.plan({.cut = BlockCut::whole, .pitch = {72, 72}}).status(),
                         ErrorCode::unsupported,
                         {"multiples of 32: pitch.x = 72", "nearest above: 96"}));
}

TEST(BlockPitches, XAndYMayBePartsOfOneTensor) {
  const TestBlocks test({"", 1, 4, 4, {64, 64, 64}}, DataType::f16);
  const BlockPlan plan = value_of(test.plan({.pitch = {128, 128}}));
  const DeviceBuffer tensor(16 * 256, Guards::none);
  const DeviceBuffer workspace(plan.workspace_bytes());
  const auto run = [&](int y_channel) {
    return plan.run({.x = tensor.data(),
                     .y = static_cast<std::byte*>(tensor.data()) + y_channel * 2,
                     .workspace = workspace.data(),
                     .workspace_bytes = workspace.bytes()});
  };
  EXPECT_TRUE(run(64).ok());
  EXPECT_TRUE(fails_with(run(56), ErrorCode::aliasing, {"x and y overlap"}));
  check(cudaDeviceSynchronize(), "block");
}

}  // namespace
}  // namespace foldconv::kernel_tests
