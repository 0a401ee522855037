// SPDX-License-Identifier: MIT
// Convolutions of tensors of more than 2^31 elements on tensor cores, of which the last images are computed.
// An image's result does not depend on the batch, so they are those of a small one, which the oracle (for blocks:
// their own tests) judges.
#include <ostream>
#include <string>

#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/large_tensors.hpp"
#include "kernels/support/test_blocks.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

constexpr std::int64_t kLarge = std::int64_t{1} << 31;
constexpr int kLastImages = 8;  // with data, the last ones of the batch
constexpr int kTilePixels = 64;

struct LargeCase {
  const char* name;
  ConvLoader loader;
  int images;
  ConvProblem problem;  // of kLastImages
};
std::ostream& operator<<(std::ostream& to, const LargeCase& large) {
  return to << large.name;
}

constexpr ConvProblem images_of(int size, int c, int k, int filter = 1) {
  const int pad = filter / 2;
  return {.n = kLastImages,
          .h = size,
          .w = size,
          .c = c,
          .k = k,
          .r = filter,
          .s = filter,
          .pad = {pad, pad, pad, pad},
          .activation = Activation::relu,
          .residual = true};
}

// x and y of more than 2^31 elements, in a device's 40 GiB. Odd k: y in single elements.
const LargeCase kLargeCases[] = {
    {"unit", ConvLoader::load_1x1, (1 << 23) - 1, images_of(4, 64, 24)},
    {"unit_elements_of_y", ConvLoader::load_1x1, (1 << 23) - 1, images_of(4, 64, 17)},
    {"taps", ConvLoader::load_rxs, (1 << 23) + 1, images_of(4, 64, 24, 3)},
    {"narrow", ConvLoader::load_narrow, (1 << 23) + 1, images_of(4, 56, 24, 3)},
    {"rows_elements_of_y", ConvLoader::load_rows, (1 << 26) - 1, images_of(4, 3, 5, 3)},
    {"rows_chunks_of_y", ConvLoader::load_rows, (1 << 25) + 3, images_of(4, 5, 8, 3)},
    {"element_elements_of_y", ConvLoader::load_element, (1 << 26) - 1, images_of(4, 3, 5, 3)},
    {"element_chunks_of_y", ConvLoader::load_element, (1 << 25) + 3, images_of(4, 5, 8, 3)},
};

class LargeBatches : public LargeTensors {
 protected:
  // A tensor of `images` images of which the last ones have content.
  std::byte* allocate_ending_in(std::int64_t images, const std::vector<std::byte>& last) {
    const std::int64_t bytes = image_bytes(last) * images;
    EXPECT_GT(bytes / 2, kLarge) << "elements";
    std::byte* const tensor = allocate(bytes);
    put(tensor + bytes - static_cast<std::int64_t>(last.size()), last);
    return tensor;
  }
  static std::int64_t image_bytes(const std::vector<std::byte>& of_all) {
    return static_cast<std::int64_t>(of_all.size()) / kLastImages;
  }
};

// The loader's tile of kTilePixels.
std::string kernel_of(ConvLoader loader) {
  const auto found = std::ranges::find_if(host::conv_kernels(), [&](const ConvKernel& kernel) {
    return kernel.tile != nullptr && kernel.loader == loader && kernel.dtype == DataType::f16 &&
           kernel.tile->block_m == kTilePixels;
  });
  return found == host::conv_kernels().end() ? "none of so many pixels" : found->name;
}

class LargeConv : public LargeBatches, public testing::WithParamInterface<LargeCase> {};

TEST_P(LargeConv, TheLastTilesAreThoseOfASmallBatch) {
  const LargeCase& large = GetParam();
  const std::string kernel = kernel_of(large.loader);
  const TestConv small = make_conv(large.problem, {.conv_bias = true, .integers = true});
  const std::vector<std::byte> wanted =
      run_bytes(small, {.kernel = kernel, .guards = Guards::none});
  expect_exact(small, oracle::decode(DataType::f16, wanted));

  ConvProblem problem = large.problem;
  problem.n = large.images;
  const ConvPlan plan = value_of(small.conv.plan(problem, {.kernel = kernel}), "plan");
  const std::byte* const x =
      allocate_ending_in(problem.n, oracle::encode(DataType::f16, small.inputs.x));
  const std::byte* const residual =
      allocate_ending_in(problem.n, oracle::encode(DataType::f16, small.inputs.residual));
  std::byte* const y = allocate_ending_in(problem.n, {wanted.size(), std::byte{0xff}});
  run_ctas(-2, 2, [&] { harness::check(plan.run({.x = x, .residual = residual, .y = y})); });

  const std::int64_t pixels = problem.output().elements() / problem.k;
  const std::int64_t computed = kTilePixels + (pixels - 1) % kTilePixels + 1;
  const std::int64_t bytes = computed * problem.k * 2;
  ASSERT_LE(bytes, static_cast<std::int64_t>(wanted.size()));
  EXPECT_EQ(get(y + pixels * problem.k * 2 - bytes, static_cast<std::size_t>(bytes)),
            std::vector<std::byte>(wanted.end() - bytes, wanted.end()));
}

INSTANTIATE_TEST_SUITE_P(, LargeConv, testing::ValuesIn(kLargeCases),
                         [](const auto& large) { return std::string(large.param.name); });

// The whole chain of a strided block whose projection is joined: the joined kernel reads 2^33 elements of x.
// Each launch computes the tiles of the last images, of 128 pixels or fewer.
TEST_F(LargeBatches, JoinedProjection) {
  const BlockShape shape =
      with_downsample({"strided", kLastImages, 8, 8, {.c = 64, .middle = 16, .k = 72}}, 2);
  const TestBlocks test(shape, DataType::f16,
                        {.integers = true, .placement = ScalePlacement::weights});
  const std::vector<std::byte> wanted = test.run(test.plan(BlockCut::chain), Guards::none);

  constexpr int kManyImages = (1 << 21) - 1;
  const BlockPlan plan =
      value_of(test.blocks().front().plan({kManyImages, 8, 8}, {.cut = BlockCut::chain}), "plan");
  const std::byte* const x = allocate_ending_in(kManyImages, test.input());
  std::byte* const y = allocate_ending_in(kManyImages, {wanted.size(), std::byte{0xff}});
  std::byte* const workspace = allocate(static_cast<std::int64_t>(plan.workspace_bytes()));
  cuemu_reset_counters();
  run_ctas(-16, 16, [&] {
    harness::check(plan.run(
        {.x = x, .y = y, .workspace = workspace, .workspace_bytes = plan.workspace_bytes()}));
  });
  EXPECT_EQ(logged_launches().back().kernel.find("conv_joined"), 0u);
  EXPECT_EQ(get(y + image_bytes(wanted) * (kManyImages - kLastImages), wanted.size()), wanted);
}

}  // namespace
}  // namespace foldconv::kernel_tests
