// SPDX-License-Identifier: MIT
// The oracle's convolution and the bound of its sums.
//
// The kernels add the products of one output, in fp32, in the canonical K order: slices of 64
// channels, inside a slice the taps, inside a tap the channels. Cut that order into steps of 16
// products. All values that can occur while step t is added up, in whatever order or grouping, are
// at most M_t = |s_(t-1)| + sum over the step of |x||w|, s_t being the exact sum up to step t.
//   - Scalar fp32 makes at most 16 additions and 16 product roundings a step:
//     (16 + 1) * 2^-24 * M_t.
//   - Tensor cores since sm_80 multiply exactly, align the addends of a group of g products and the
//     accumulator to the largest, cut them at one extra bit or more, and truncate the sum to 24
//     bits: ((g + 1) * 2^-24 + 2^-23) * M_t a group; 22 * 2^-24 a step with g = 8, 19 * 2^-24 with
//     g = 16. (Fasi, Higham, Mikaitis, Pranesh, "Numerical behavior of NVIDIA tensor cores", 2021.)
// Both are below 16 u M_t, with u = 2^-23 for the tensor cores' types and 17/16 * 2^-24 for strict
// fp32. Summed over the steps (a running error bound: Higham, "Accuracy and Stability of Numerical
// Algorithms", 2002, section 3.3)
//   e_sum = 16 u (sum_t |s_t| + sum |x||w|) / (1 - 16 u steps),
// the divisor for computed partial sums in the place of exact ones. It never exceeds the worst case
// gamma_(K+16) sum |x||w|; where products cancel it is smaller by a factor near sqrt(K), so that a
// rounding to fp16 too many is seen in deep sums as well.
#include "harness/oracle/oracle.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <thread>

#include "harness/oracle/any_vectors.hpp"
#include "harness/oracle/fp32.hpp"
#include "harness/oracle/pointwise.hpp"

namespace foldconv::oracle {
namespace {

constexpr int kStep = 16;  // products a step
constexpr int kSliceChannels = 64;
constexpr int kLanes = 8;   // output channels of a panel, computed side by side
constexpr int kPixels = 4;  // output pixels computed side by side
constexpr int kPixelsPerTask = 16;

double product_unit(DataType dtype) {
  return dtype == DataType::f32 ? 17.0 / 16 * 0x1p-24 : 0x1p-23;
}

// One product of a sum: which tap, which channel of the group. tap < 0: a filler of zero.
struct Term {
  int tap = -1;
  int channel = 0;
};

// The canonical K order, every run of channels filled up to whole steps.
std::vector<Term> canonical_order(int channels, int taps) {
  std::vector<Term> terms;
  const auto fill = [&] {
    while (terms.size() % kStep != 0) terms.push_back({});
  };
  for (int first = 0; first < channels; first += kSliceChannels) {
    const int last = std::min(first + kSliceChannels, channels);
    for (int tap = 0; tap < taps; ++tap) {
      for (int channel = first; channel < last; ++channel) terms.push_back({tap, channel});
      if (channels >= kSliceChannels) fill();
    }
  }
  fill();
  return terms;
}

// Weights of kLanes output channels of one group, in the canonical order.
using Lanes = std::array<float, kLanes>;

struct Sums {
  std::array<double, kLanes> sum{};       // of x * w
  std::array<double, kLanes> running{};   // of |partial sum| at the end of each step
  std::array<double, kLanes> absolute{};  // of |x||w|
};

// Products of two floats are exact in double, so that fused multiply-adds give the same sums.
FOLDCONV_ANY_VECTORS
void dot(const float* const* rows, const Lanes* panel, std::size_t terms, Sums* result) {
  double sum[kPixels][kLanes] = {};
  double running[kPixels][kLanes] = {};
  double absolute[kPixels][kLanes] = {};
  for (std::size_t first = 0; first < terms; first += kStep) {
    for (std::size_t i = first; i < first + kStep; ++i) {
      for (int pixel = 0; pixel < kPixels; ++pixel) {
        const double x = rows[pixel][i];
        for (int lane = 0; lane < kLanes; ++lane) {
          const double product = x * panel[i][static_cast<std::size_t>(lane)];
          sum[pixel][lane] += product;
          absolute[pixel][lane] += std::fabs(product);
        }
      }
    }
    for (int pixel = 0; pixel < kPixels; ++pixel) {
      for (int lane = 0; lane < kLanes; ++lane) {
        running[pixel][lane] += std::fabs(sum[pixel][lane]);
      }
    }
  }
  for (int pixel = 0; pixel < kPixels; ++pixel) {
    std::copy_n(sum[pixel], kLanes, result[pixel].sum.begin());
    std::copy_n(running[pixel], kLanes, result[pixel].running.begin());
    std::copy_n(absolute[pixel], kLanes, result[pixel].absolute.begin());
  }
}

int output_size(int size, int pad, int taps, int dilation, int stride) {
  return (size + pad - dilation * (taps - 1) - 1) / stride + 1;
}

class Oracle {
 public:
  Oracle(const ConvProblem& problem, const ConvInputs& inputs, Expected& expected)
      : problem_(problem),
        inputs_(inputs),
        expected_(expected),
        channels_(problem.c / problem.groups),
        outputs_(problem.k / problem.groups),
        panels_((outputs_ + kLanes - 1) / kLanes),
        p_(output_shape(problem).h),
        q_(output_shape(problem).w),
        pixels_(std::int64_t{problem.n} * p_ * q_),
        terms_(canonical_order(channels_, problem.r * problem.s)),
        weights_(pack()) {
    const auto outputs = static_cast<std::size_t>(pixels_) * static_cast<std::size_t>(problem.k);
    expected_.y.resize(outputs);
    expected_.bound.resize(outputs);
  }

  void run(int threads) {
    if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    std::atomic<std::int64_t> next = 0;
    const auto work = [&] {
      std::vector<float> rows(kPixelsPerTask * terms_.size());
      for (std::int64_t first = next.fetch_add(kPixelsPerTask); first < pixels_;
           first = next.fetch_add(kPixelsPerTask)) {
        compute(first, rows);
      }
    };
    std::vector<std::thread> workers;
    for (int i = 1; i < threads; ++i) workers.emplace_back(work);
    work();
    for (std::thread& worker : workers) worker.join();
  }

 private:
  // [group][panel][term]
  std::vector<Lanes> pack() const {
    const int taps = problem_.r * problem_.s;
    std::vector<Lanes> packed;
    packed.reserve(static_cast<std::size_t>(problem_.groups) * static_cast<std::size_t>(panels_) *
                   terms_.size());
    for (int group = 0; group < problem_.groups; ++group) {
      for (int panel = 0; panel < panels_; ++panel) {
        for (const Term& term : terms_) {
          Lanes& lanes = packed.emplace_back();
          for (int lane = 0; lane < kLanes; ++lane) {
            const int output = panel * kLanes + lane;
            if (term.tap < 0 || output >= outputs_) continue;
            const auto k = static_cast<std::size_t>(group * outputs_ + output);
            const auto kc =
                k * static_cast<std::size_t>(channels_) + static_cast<std::size_t>(term.channel);
            lanes[static_cast<std::size_t>(lane)] =
                inputs_.weights[kc * static_cast<std::size_t>(taps) +
                                static_cast<std::size_t>(term.tap)];
          }
        }
      }
    }
    return packed;
  }

  // What the products of one output pixel read from x, in the canonical order.
  void gather(std::int64_t pixel, int group, float* row) const {
    const std::int64_t n = pixel / (p_ * q_);
    const auto p = static_cast<int>(pixel / q_ % p_);
    const auto q = static_cast<int>(pixel % q_);
    // Where the group's first channel stands for each tap, or null outside the image.
    std::vector<const float*> taps;
    for (int r = 0; r < problem_.r; ++r) {
      for (int s = 0; s < problem_.s; ++s) {
        const int h = p * problem_.stride.h - problem_.pad.top + r * problem_.dilation.h;
        const int w = q * problem_.stride.w - problem_.pad.left + s * problem_.dilation.w;
        const bool inside = h >= 0 && h < problem_.h && w >= 0 && w < problem_.w;
        const std::int64_t at =
            ((n * problem_.h + h) * problem_.w + w) * problem_.c + group * channels_;
        taps.push_back(inside ? &inputs_.x[static_cast<std::size_t>(at)] : nullptr);
      }
    }
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      const Term term = terms_[i];
      const float* source = term.tap < 0 ? nullptr : taps[static_cast<std::size_t>(term.tap)];
      row[i] = source == nullptr ? 0 : source[term.channel];
      if (inputs_.gate.empty() || source == nullptr) continue;
      const double gate = inputs_.gate[static_cast<std::size_t>(n * problem_.c + term.channel)];
      row[i] = static_cast<float>(round_to_storage(problem_.dtype, row[i] * gate));
    }
  }

  void compute(std::int64_t first, std::vector<float>& rows) {
    const auto count = static_cast<int>(std::min<std::int64_t>(kPixelsPerTask, pixels_ - first));
    for (int group = 0; group < problem_.groups; ++group) {
      for (int i = 0; i < count; ++i) {
        gather(first + i, group, &rows[static_cast<std::size_t>(i) * terms_.size()]);
      }
      for (int panel = 0; panel < panels_; ++panel) {
        const Lanes* weights =
            &weights_[static_cast<std::size_t>(group * panels_ + panel) * terms_.size()];
        for (int i = 0; i < count; i += kPixels) {
          const float* pixel_rows[kPixels];
          for (int j = 0; j < kPixels; ++j) {
            const auto row = static_cast<std::size_t>(std::min(i + j, count - 1));
            pixel_rows[j] = &rows[row * terms_.size()];
          }
          Sums sums[kPixels];
          dot(pixel_rows, weights, terms_.size(), sums);
          for (int j = 0; j < std::min(kPixels, count - i); ++j) {
            for (int lane = 0; lane < std::min(kLanes, outputs_ - panel * kLanes); ++lane) {
              finish(first + i + j, group * outputs_ + panel * kLanes + lane, sums[j], lane);
            }
          }
        }
      }
    }
  }

  // Everything after the sum, for one output element.
  void finish(std::int64_t pixel, int channel, const Sums& sums, int lane) {
    const auto l = static_cast<std::size_t>(lane);
    const auto k = static_cast<std::size_t>(channel);
    const auto at = static_cast<std::size_t>(pixel) * static_cast<std::size_t>(problem_.k) + k;
    const double scale = inputs_.scale[k];
    const double bias = inputs_.bias[k];
    const double residual = problem_.residual ? static_cast<double>(inputs_.residual[at]) : 0;

    const auto terms = static_cast<double>(terms_.size());
    const double unit = product_unit(problem_.dtype);
    const double sum_error =
        kStep * unit * (sums.running[l] + sums.absolute[l]) / (1 - unit * terms) + terms * kFlush;

    const double scaled = scale * sums.sum[l];
    const double shifted = scaled + bias;
    const double v = shifted + residual;
    const double roundings = std::fabs(scaled) + std::fabs(shifted) + std::fabs(v);
    // (1 + 4 kHalfUlp): the roundings act on computed values, which differ by the errors so far.
    const double error =
        (std::fabs(scale) * sum_error + kHalfUlp * roundings) * (1 + 4 * kHalfUlp) + kFlush;

    const Bounded stored = store(problem_.dtype, activate(problem_.activation, {v, error}));
    expected_.y[at] = stored.value;
    expected_.bound[at] = stored.error;
  }

  const ConvProblem& problem_;
  const ConvInputs& inputs_;
  Expected& expected_;
  int channels_;  // input channels of a group
  int outputs_;   // output channels of a group
  int panels_;    // of a group
  int p_, q_;
  std::int64_t pixels_;
  std::vector<Term> terms_;
  std::vector<Lanes> weights_;
};

}  // namespace

Shape output_shape(const ConvProblem& problem) {
  const Padding& pad = problem.pad;
  return {
      problem.n,
      output_size(problem.h, pad.top + pad.bottom, problem.r, problem.dilation.h, problem.stride.h),
      output_size(problem.w, pad.left + pad.right, problem.s, problem.dilation.w, problem.stride.w),
      problem.k};
}

Expected conv(const ConvProblem& problem, const ConvInputs& inputs, int threads) {
  Expected expected;
  Oracle(problem, inputs, expected).run(threads);
  return expected;
}

}  // namespace foldconv::oracle
