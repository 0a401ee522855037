// SPDX-License-Identifier: MIT
#include "harness/ways/by_hand.hpp"

#include <algorithm>
#include <utility>

#include "harness/error.hpp"
#include "harness/ways/library.hpp"
#include "harness/ways/steps.hpp"

namespace foldconv::harness {
namespace {

constexpr int kSlice = 64;  // channels that the kernels sum before they go on to the next

int whole_slices(int channels) {
  return (channels + kSlice - 1) / kSlice * kSlice;
}

// A line's last convolution with its projection as a longer K, [t | x] . [w3 ; wd]: both tensors
// filled up with zeros to whole slices of K, where the kernels take up the second one. Both scales
// are in the weights.
struct JoinedConv {
  ConvProblem problem;  // of [t | x]
  FoldedConv folded;
};
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

// [t | x] at each output pixel, for so many images.
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

// The joined convolution. Its x is set side by side on the host, by the launch and by the judge.
Step joined_step(const Line& line, const Tensor& t, const Tensor& x, const Tensor& y,
                 Tensors& tensors, Way& way) {
  const JoinedConv both = join(line);
  const int distinct = x.images.distinct;
  const Tensor& tx = tensors.allocate(Images{both.problem.dtype, both.problem.input(), distinct});
  const auto set = [&line, distinct, of_t = t.images, of_x = x.images, of_tx = tx.images](
                       const Bytes& t_bytes, const Bytes& x_bytes) {
    return of_tx.encode(
        side_by_side(line, distinct, of_t.distinct_values(t_bytes), of_x.distinct_values(x_bytes)));
  };
  Step step =
      planned_step(plan_conv(both.folded, both.problem), both.folded, tx, nullptr, y, tensors, way);
  step.what = "with the projection, " + step.what;
  step.reads = {&t, &x};
  step.launch = [&t, &x, &tx, set, launch = step.launch](cudaStream_t stream) {
    tx.upload(set(t.download(), x.download()));
    launch(stream);
  };
  step.judge = [set, judge = step.judge](const std::vector<Bytes>& read, const Bytes& written) {
    return judge({set(read[0], read[1])}, written);
  };
  return step;
}

}  // namespace

ByHand by_hand(const Problem& problem, const std::vector<bool>& joined, bool judged) {
  Tensors tensors(problem);
  const Way way = fused_way(
      "by hand", problem, tensors,
      [&](const LineConv& conv, const Tensor& x, const Tensor* residual, const Tensor& y,
          Way& made) {
        const FoldedConv weights = folded(conv);
        return planned_step(plan_conv(weights, conv.problem), weights, x, residual, y, tensors,
                            made);
      },
      joined,
      [&](const Line& line, const Tensor& t, const Tensor& x, const Tensor& y, Way& made) {
        return joined_step(line, t, x, y, tensors, made);
      });
  ByHand hand{check(way, {.judged = judged}), problem.output(), {}};
  hand.judge_last = [read = std::move(hand.checked.read),
                     judge = way.steps.back().judge](const Bytes& y) { return judge(read, y); };
  return hand;
}

Verdict judge(const ByHand& by_hand, const Bytes& y) {
  Verdict verdict = by_hand.checked.worst;
  verdict.pass = by_hand.checked.wrong.empty();
  verdict.reason = by_hand.checked.wrong;
  if (!verdict.pass) return verdict;
  const std::string differs = difference(by_hand.images, by_hand.checked.y, y);
  if (differs.empty()) return verdict;
  const Verdict last = by_hand.judge_last(y);
  merge(verdict, last);
  verdict.pass = false;
  verdict.reason = "other bits than its convolutions run one by one: " + differs +
                   (last.reason.empty() ? "" : "; " + last.reason);
  return verdict;
}

}  // namespace foldconv::harness
