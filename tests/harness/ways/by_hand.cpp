// SPDX-License-Identifier: MIT
#include "harness/ways/by_hand.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "harness/error.hpp"
#include "harness/problem/walk.hpp"
#include "harness/ways/library.hpp"
#include "harness/ways/steps.hpp"

namespace foldconv::harness {
namespace {

constexpr int kSlice = 64;  // channels that the kernels sum before they go on to the next

int whole_slices(int channels) {
  return (channels + kSlice - 1) / kSlice * kSlice;
}

using Tensor = std::shared_ptr<const Bytes>;

class Hand {
 public:
  Hand(const Problem& problem, bool judged) : problem_(problem), judged_(judged) {}

  // `x` and `residual`: of all images.
  Tensor run(const ConvProblem& problem, const FoldedConv& folded, const Bytes& x,
             const Bytes* residual, const std::string& what) {
    const ConvPlan plan = plan_conv(folded, problem);
    const Images in{problem.dtype, problem.input(), problem_.distinct};
    const Images out{problem.dtype, problem.output(), problem_.distinct};
    const DeviceBuffer from(x), workspace(plan.workspace_bytes()), to(out.bytes());
    const DeviceBuffer added = residual == nullptr ? DeviceBuffer() : DeviceBuffer(*residual);
    launch_of(plan, from, &added, to, workspace)(nullptr);
    check(cudaDeviceSynchronize(), "running " + what);
    Bytes y = to.download();
    if (judged_) {
      hand.expected = expected_conv(problem, problem_.distinct, folded)(
          in.distinct_values(x),
          residual == nullptr ? std::vector<float>() : out.distinct_values(*residual));
      merge(hand.verdict, harness::judge(out, hand.expected, y), what);
    }
    return std::make_shared<const Bytes>(std::move(y));
  }

  ByHand hand;

 private:
  const Problem& problem_;
  bool judged_;
};

// [t | x] of all images; those that are copies of others in t and x are so here.
Bytes side_by_side(const Line& line, const Images& joined, const Images& t_images, const Bytes& t,
                   const Images& x_images, const Bytes& x) {
  return joined.encode(side_by_side(line, joined.distinct, t_images.distinct_values(t),
                                    x_images.distinct_values(x)));
}

}  // namespace

JoinedConv join(const Line& line) {
  const LineConv &last = line.convs.back(), &side = *line.shortcut;
  const FoldOptions options{.dtype = last.problem.dtype, .placement = ScalePlacement::weights};
  const FoldedConv a = value_of(fold(last.weights, last.batch_norm, options));
  const FoldedConv b = value_of(fold(side.weights, side.batch_norm, options));
  ConvProblem problem = last.problem;
  const int first_width = whole_slices(last.problem.c);
  problem.c = first_width + whole_slices(side.problem.c);
  problem.residual = false;

  std::vector<float> matrix(static_cast<std::size_t>(problem.k) *
                            static_cast<std::size_t>(problem.c));
  std::vector<float> bias;
  for (int k = 0; k < problem.k; ++k) {
    const auto row_of = [k](const FoldedConv& folded) {
      const auto width = static_cast<std::size_t>(folded.c_per_group());
      return folded.weights().subspan(static_cast<std::size_t>(k) * width, width);
    };
    const auto row = matrix.begin() + std::ptrdiff_t{k} * problem.c;
    std::ranges::copy(row_of(a), row);
    std::ranges::copy(row_of(b), row + first_width);
    const auto i = static_cast<std::size_t>(k);
    bias.push_back(a.bias()[i] + b.bias()[i]);
  }
  // Exact already: folding without BatchNorm changes nothing.
  return {problem,
          value_of(fold({.values = matrix, .k = problem.k, .c_per_group = problem.c, .bias = bias},
                        {}, options))};
}

std::vector<float> side_by_side(const Line& line, int images, const std::vector<float>& t,
                                const std::vector<float>& x) {
  const ConvProblem &last = line.convs.back().problem, &side = line.shortcut->problem;
  const int first_width = whole_slices(last.c), width = first_width + whole_slices(side.c);
  std::vector<float> both(static_cast<std::size_t>(images) * static_cast<std::size_t>(last.h) *
                          static_cast<std::size_t>(last.w) * static_cast<std::size_t>(width));
  auto row = both.begin();
  auto t_pixel = t.begin();
  for (int n = 0; n < images; ++n) {
    for (int h = 0; h < last.h; ++h) {
      for (int w = 0; w < last.w; ++w, row += width, t_pixel += last.c) {
        const std::ptrdiff_t x_row = std::ptrdiff_t{n} * side.h + h * side.stride.h;
        const auto x_pixel = x.begin() + (x_row * side.w + w * side.stride.w) * side.c;
        std::copy(t_pixel, t_pixel + last.c, row);
        std::copy(x_pixel, x_pixel + side.c, row + first_width);
      }
    }
  }
  return both;
}

ByHand by_hand(const Problem& problem, const std::vector<bool>& joined, bool judged) {
  Hand hand(problem, judged);
  const auto encoded = [](const Images& images, const std::vector<float>& values) {
    return std::make_shared<const Bytes>(values.empty() ? Bytes() : images.encode(values));
  };
  const Tensor y = walk(
      problem, Tensor(encoded(problem.input(), problem.x)),
      Tensor(encoded(problem.output(), problem.residual)),
      [&](const LineConv& conv, const Tensor& x, const Tensor* residual) {
        return hand.run(conv.problem, folded(conv), *x,
                        residual == nullptr ? nullptr : residual->get(),
                        conv_prefix(problem, conv));
      },
      joined,
      std::function<Tensor(const Line&, const Tensor&, const Tensor&)>(
          [&](const Line& line, const Tensor& t, const Tensor& x) {
            const JoinedConv both = join(line);
            const auto images = [&](const Shape& shape) {
              return Images{problem.dtype(), shape, problem.distinct};
            };
            const Bytes tx = side_by_side(line, images(both.problem.input()),
                                          images(line.convs.back().problem.input()), *t,
                                          images(line.input()), *x);
            return hand.run(both.problem, both.folded, tx, nullptr,
                            conv_prefix(problem, line.convs.back()) + "with the projection, ");
          }));
  hand.hand.y = *y;
  hand.hand.images = problem.output();
  return std::move(hand.hand);
}

Verdict judge(const ByHand& by_hand, const Bytes& y) {
  Verdict verdict = judge(by_hand.images, by_hand.expected, y);
  const std::string differs = difference(by_hand.images, by_hand.y, y);
  if (!differs.empty()) {
    verdict.reason = "other bits than its convolutions run one by one: " + differs +
                     (verdict.reason.empty() ? "" : "; " + verdict.reason);
    verdict.pass = false;
  }
  merge(verdict, by_hand.verdict, "");
  return verdict;
}

}  // namespace foldconv::harness
