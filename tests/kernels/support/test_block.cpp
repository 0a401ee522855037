// SPDX-License-Identifier: MIT
#include "kernels/support/test_block.hpp"

#include "harness/problem/data.hpp"
#include "harness/ways/by_hand.hpp"
#include "harness/ways/library.hpp"

namespace foldconv::kernel_tests {

std::vector<std::byte> run_block(const BlockPlan& plan, DataType dtype,
                                 const std::vector<std::byte>& content, Guards guards) {
  const harness::Images images{dtype, plan.output()};
  const DeviceBuffer x(content, guards), y(images.bytes(), guards),
      workspace(plan.workspace_bytes(), guards);
  check(plan.run({.x = x.data(),
                  .y = y.data(),
                  .workspace = plan.workspace_bytes() > 0 ? workspace.data() : nullptr,
                  .workspace_bytes = plan.workspace_bytes()}));
  check(cudaDeviceSynchronize(), "run");
  EXPECT_EQ(x.download(), content) << "the input changed";
  return y.download();
}

TestBlock::TestBlock(const BlockShape& shape, DataType dtype, const BlockDataOptions& options) {
  problem_.blocks = true;
  problem_.lines = {harness::make_line({.c = shape.c,
                                        .middle = shape.middle,
                                        .k = shape.k,
                                        .stride = shape.stride,
                                        .stride_at = shape.stride_at,
                                        .groups = shape.groups,
                                        .projection = shape.downsample},
                                       {shape.n, shape.h, shape.w, shape.c},
                                       {dtype, shape.inner, shape.last})};
  harness::fill(
      problem_,
      {.conv_bias = true, .integers = options.integers, .copies = false, .seed = options.seed});
}

Block TestBlock::create(ScalePlacement placement) const {
  return harness::create_blocks(problem_, placement).front();
}

std::vector<std::byte> TestBlock::run_by_hand(Projection projection) const {
  return harness::by_hand(problem_, {projection == Projection::joined}, /*judged=*/false).y;
}

oracle::Expected TestBlock::expect_projection() const {
  return harness::by_hand(problem_, {true}).expected;
}

Images TestBlock::problem() const {
  const Shape x = problem_.input().shape;
  return {x.n, x.h, x.w};
}

}  // namespace foldconv::kernel_tests
