// SPDX-License-Identifier: MIT
// conv_sm90 against the oracle: every tile, loader, data type and multicast; tails in M, N and K; images that cross
// tiles.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/sm90/hand_launch.hpp"
#include "kernels/support/shapes.hpp"

namespace foldconv::kernel_tests {
namespace {

inline constexpr ShapeCase kSm90Shapes[] = {
    shape("one_pixel", {1, 1, 1, 64}, 8),
    shape("matrix_tails", {3, 7, 9, 72}, 136, {1, 1}, {.residual = true}),
    shape("matrix_more_tiles_than_ctas", {4, 14, 14, 64}, 264),
    shape("whole_tiles", {1, 16, 16, 128}, 128, {1, 1}, {.residual = true}),
    shape("one_pixel_image", {1, 1, 1, 64}, 8, {3, 3}, {.pad = kSame3}),
    shape("images_share_tiles", {6, 7, 7, 72}, 136, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("odd_image", {1, 19, 17, 96}, 104, {3, 3}, {.pad = kSame3}),
    shape("row_1x7", {2, 9, 11, 128}, 72, {1, 7}, {.pad = {0, 0, 3, 3}}),
    shape("stride_2_asymmetric", {2, 14, 15, 64}, 136, {3, 3},
          {.stride = {2, 2}, .pad = {0, 1, 0, 1}}),
    shape("stride_8_3", {2, 25, 19, 64}, 40, {1, 1}, {.stride = {8, 3}}),
    shape("stride_3_1_dilated", {2, 13, 9, 104}, 48, {3, 2},
          {.stride = {3, 1}, .pad = {2, 3, 1, 4}, .dilation = {2, 3}, .residual = true}),
    shape("padding_beyond_the_filter", {1, 4, 5, 64}, 32, {2, 3}, {.pad = {3, 4, 5, 3}}),
    shape("cropped", {2, 10, 9, 64}, 56, {3, 3}, {.pad = {-1, 1, 1, -2}}),
    shape("groups_2", {2, 6, 7, 128}, 144, {3, 3}, {.pad = kSame3, .groups = 2, .residual = true}),
    shape("groups_3_matrix", {3, 7, 7, 192}, 48, {1, 1}, {.groups = 3}),
};

class Sm90Convs : public testing::TestWithParam<Sm90Kernel> {
 protected:
  void SetUp() override {
    if (!has_wgmma()) GTEST_SKIP() << "no device of compute capability 9.0";
  }
  static ConvProblem problem(const ShapeCase& shape, Activation activation = Activation::none) {
    ConvProblem problem = shape.problem;
    problem.dtype = GetParam().dtype;
    problem.activation = activation;
    return problem;
  }
};

// A shape's data, the same for every kernel of the data type.
struct Case {
  const char* name;
  Sm90Conv conv;
  oracle::Expected expected;
  std::vector<float> bits;  // of the narrowest tile
};
const std::vector<std::unique_ptr<Case>>& cases(DataType dtype, bool integers) {
  static std::map<std::pair<DataType, bool>, std::vector<std::unique_ptr<Case>>> all;
  std::vector<std::unique_ptr<Case>>& made = all[{dtype, integers}];
  if (!made.empty()) return made;
  const Activation activations[] = {Activation::none, Activation::silu,
                                    Activation::leaky_relu(0.25f), Activation::clip(-0.5f, 0.75f)};
  // bf16 differs in two instructions: fewer shapes of it.
  const std::size_t step = dtype == DataType::f16 ? 1 : 3;
  for (std::size_t i = 0; i < std::size(kSm90Shapes); i += step) {
    ConvProblem problem = kSm90Shapes[i].problem;
    problem.dtype = dtype;
    problem.activation = integers ? Activation::relu : activations[i % 4];
    std::unique_ptr<Case> one(new Case{kSm90Shapes[i].name, Sm90Conv(problem, integers), {}, {}});
    one->expected = oracle::conv(problem, one->conv.inputs());
    one->bits = one->conv.run(*std::ranges::find(sm90_kernels(), dtype, &Sm90Kernel::dtype));
    made.push_back(std::move(one));
  }
  return made;
}

std::string case_name(const testing::TestParamInfo<Sm90Kernel>& info) {
  return info.param.name;
}

TEST_P(Sm90Convs, ExactOnIntegers) {
  for (const auto& shape : cases(GetParam().dtype, true)) {
    const std::vector<float> got = shape->conv.run(GetParam());
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i], oracle::round_to_storage(GetParam().dtype, shape->expected.y[i]))
          << shape->name << ", element " << i;
    }
  }
}

// However many CTAs share the tiles, whatever they share of the operands, and however x arrives.
TEST_P(Sm90Convs, SameBitsWithinTheBound) {
  for (const auto& shape : cases(GetParam().dtype, false)) {
    SCOPED_TRACE(shape->name);
    const auto compared = oracle::compare(shape->bits, shape->expected);
    EXPECT_TRUE(compared.pass) << compared.to_string();
    EXPECT_EQ(shape->conv.run(GetParam(), {.most_clusters = 1}), shape->bits);
    EXPECT_EQ(shape->conv.run(GetParam(), {.most_clusters = 1000, .force_im2col = true}),
              shape->bits);
    if (!GetParam().tile.may_multicast()) continue;
    EXPECT_EQ(shape->conv.run(GetParam(), {.multicast = Multicast::weights}), shape->bits);
    EXPECT_EQ(shape->conv.run(GetParam(), {.multicast = Multicast::pixels}), shape->bits);
  }
}

// An image's result depends neither on the batch nor on the place in it.
TEST_P(Sm90Convs, SameBitsInEveryBatch) {
  const ShapeCase shapes[] = {
      shape("", {1, 7, 7, 136}, 72, {3, 3}, {.pad = kSame3, .residual = true})};
  const ConvProblem one = problem(shapes[0], Activation::relu);
  const Sm90Conv alone(one, false);
  const std::vector<float> bits = alone.run(GetParam());
  for (const int n : {3, 8}) {
    ConvProblem batch = one;
    batch.n = n;
    oracle::ConvInputs inputs = Sm90Conv(batch, false).inputs();
    inputs.weights = alone.inputs().weights;
    inputs.scale = alone.inputs().scale;
    inputs.bias = alone.inputs().bias;
    for (int place = 0; place < n; place += n - 1) {
      const auto put = [&](const std::vector<float>& image, std::vector<float>& images) {
        std::copy(image.begin(), image.end(),
                  images.begin() + static_cast<std::ptrdiff_t>(image.size()) * place);
      };
      put(alone.inputs().x, inputs.x);
      put(alone.inputs().residual, inputs.residual);
      const std::vector<float> all = Sm90Conv(batch, inputs).run(GetParam());
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(bits.size()) * place;
      EXPECT_EQ(std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(bits.size())), bits)
          << "image " << place << " of " << n;
    }
  }
}

// A NaN reaches the outputs whose window holds it, in its group and image, and no others.
TEST_P(Sm90Convs, NanStaysWhereItBelongs) {
  const ShapeCase shapes[] = {
      shape("groups", {3, 6, 5, 128}, 32, {3, 3}, {.pad = kSame3, .groups = 2}),
      shape("channels_past_the_end", {3, 6, 5, 72}, 24, {3, 3}, {.pad = kSame3})};
  for (const ShapeCase& shape : shapes) {
    const ConvProblem p = problem(shape);
    oracle::ConvInputs inputs = Sm90Conv(p, true).inputs();
    const int h = 2, w = 4, c = p.c - 1;
    inputs.x[static_cast<std::size_t>(((1 * p.h + h) * p.w + w) * p.c + c)] =
        std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> y = Sm90Conv(p, inputs).run(GetParam());
    for (std::size_t i = 0; i < y.size(); ++i) {
      const int k = static_cast<int>(i) % p.k, column = static_cast<int>(i) / p.k % p.w,
                row = static_cast<int>(i) / p.k / p.w % p.h,
                image = static_cast<int>(i) / p.k / p.w / p.h;
      const bool expected = image == 1 && std::abs(row - h) <= 1 && std::abs(column - w) <= 1 &&
                            k / (p.k / p.groups) == c / (p.c / p.groups);
      ASSERT_EQ(std::isnan(y[i]), expected) << shape.name << ", element " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, Sm90Convs, testing::ValuesIn(sm90_kernels()), case_name);

}  // namespace
}  // namespace foldconv::kernel_tests
