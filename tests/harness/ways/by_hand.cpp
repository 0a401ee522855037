// SPDX-License-Identifier: MIT
#include "harness/ways/by_hand.hpp"

#include <span>
#include <utility>

#include "harness/error.hpp"
#include "harness/ways/library.hpp"
#include "harness/ways/steps.hpp"

namespace foldconv::harness {
namespace {

constexpr std::size_t kSlice = 64;  // channels that the kernels sum before they go on to the next

// Appends channels, and zeros up to a whole slice.
void append_slices(std::span<const float> channels, std::vector<float>& to) {
  to.insert(to.end(), channels.begin(), channels.end());
  to.resize((to.size() + kSlice - 1) / kSlice * kSlice);
}

std::span<const float> row_of(std::span<const float> values, std::size_t row, int channels) {
  const auto width = static_cast<std::size_t>(channels);
  return values.subspan(row * width, width);
}

// A line's last convolution with its projection as a longer K, [t | x] . [w3 ; wd]: both tensors
// filled up with zeros to whole slices of K, where the kernels take up the second one. Both scales
// are in the weights. The problem is that of [t | x].
std::pair<ConvProblem, FoldedConv> join(const Line& line) {
  const LineConv &last = line.convs.back(), &side = *line.shortcut;
  const FoldOptions options{.dtype = last.problem.dtype, .placement = ScalePlacement::weights};
  const FoldedConv a = value_of(fold(last.weights, last.batch_norm, options));
  const FoldedConv b = value_of(fold(side.weights, side.batch_norm, options));
  ConvProblem problem = last.problem;
  problem.residual = false;
  const auto rows = static_cast<std::size_t>(problem.k);
  std::vector<float> matrix, bias;
  for (std::size_t k = 0; k < rows; ++k) {
    append_slices(row_of(a.weights(), k, a.c_per_group()), matrix);
    append_slices(row_of(b.weights(), k, b.c_per_group()), matrix);
    bias.push_back(a.bias()[k] + b.bias()[k]);
  }
  problem.c = static_cast<int>(matrix.size() / rows);
  // Exact already: folding without BatchNorm changes nothing.
  return {problem,
          value_of(fold({.values = matrix, .k = problem.k, .c_per_group = problem.c, .bias = bias},
                        {}, options))};
}

// [t | x] at each output pixel, for so many images.
std::vector<float> side_by_side(const ConvProblem& last, const ConvProblem& side, int images,
                                const std::vector<float>& t, const std::vector<float>& x) {
  std::vector<float> both;
  std::size_t t_pixel = 0;
  for (int n = 0; n < images; ++n) {
    for (int h = 0; h < last.h; ++h) {
      for (int w = 0; w < last.w; ++w) {
        const int x_pixel = (n * side.h + h * side.stride.h) * side.w + w * side.stride.w;
        append_slices(row_of(t, t_pixel++, last.c), both);
        append_slices(row_of(x, static_cast<std::size_t>(x_pixel), side.c), both);
      }
    }
  }
  return both;
}

// The joined convolution. Its x is set side by side on the host, by the launch and by the judge.
Step joined_step(const Line& line, const Tensor& t, const Tensor& x, const Tensor& y,
                 Tensors& tensors) {
  const auto [problem, weights] = join(line);
  const Tensor& tx = tensors.allocate(Images{problem.dtype, problem.input(), x.images.distinct});
  // By value: the judge may outlive the problem.
  const auto set = [last = line.convs.back().problem, side = line.shortcut->problem,
                    of_t = t.images, of_x = x.images,
                    of_tx = tx.images](const Bytes& t_bytes, const Bytes& x_bytes) {
    return of_tx.encode(side_by_side(last, side, of_tx.distinct, of_t.distinct_values(t_bytes),
                                     of_x.distinct_values(x_bytes)));
  };
  Step step = planned_step(weights, problem, {}, tx, nullptr, y, tensors);
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

ByHand by_hand(const Problem& problem, const std::vector<bool>& joined, bool judged,
               Instructions instructions) {
  Tensors tensors(problem);
  const Way way = fused_way(
      "by hand", problem, tensors,
      [&](const LineConv& conv, const Tensor& x, const Tensor* residual, const Tensor& y) {
        return planned_step(folded(conv), conv.problem, {.instructions = instructions}, x, residual,
                            y, tensors);
      },
      joined,
      [&](const Line& line, const Tensor& t, const Tensor& x, const Tensor& y) {
        return joined_step(line, t, x, y, tensors);
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
