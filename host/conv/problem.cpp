// SPDX-License-Identifier: MIT
// What a convolution is, and which ones there are.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <string>

#include "base/enum_checks.hpp"
#include "base/error.hpp"
#include "base/pitch.hpp"
#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "fold/pack.hpp"
#include "foldconv/conv.hpp"

namespace foldconv {

using host::checked_product;
using host::guarded;
using host::guarded_text;
using host::invalid;
using host::text;

namespace {

constexpr std::int64_t kIntLimit = std::numeric_limits<int>::max();

// One spatial direction of a problem.
struct Axis {
  const char *image_name, *filter_name, *stride_name, *dilation_name;
  const char *before_name, *after_name;
  int image, filter, stride, dilation, before, after;

  std::int64_t padded() const { return std::int64_t{image} + before + after; }
  std::int64_t filter_span() const { return std::int64_t{dilation} * (filter - 1) + 1; }
  int output() const {
    if (stride < 1 || padded() < filter_span()) return 0;
    const std::int64_t size = (padded() - filter_span()) / stride + 1;
    return size > kIntLimit ? 0 : static_cast<int>(size);
  }
};

Axis vertical(const ConvProblem& p) {
  return {"h", "r", "stride.h", "dilation.h", "pad.top", "pad.bottom",
          p.h, p.r, p.stride.h, p.dilation.h, p.pad.top, p.pad.bottom};
}

Axis horizontal(const ConvProblem& p) {
  return {"w", "s", "stride.w", "dilation.w", "pad.left", "pad.right",
          p.w, p.s, p.stride.w, p.dilation.w, p.pad.left, p.pad.right};
}

Status check_counts(const ConvProblem& problem) {
  const struct {
    const char* name;
    int value;
  } counts[] = {
      {"n", problem.n},
      {"h", problem.h},
      {"w", problem.w},
      {"c", problem.c},
      {"k", problem.k},
      {"r", problem.r},
      {"s", problem.s},
      {"stride.h", problem.stride.h},
      {"stride.w", problem.stride.w},
      {"dilation.h", problem.dilation.h},
      {"dilation.w", problem.dilation.w},
      {"groups", problem.groups},
  };
  for (const auto& count : counts) {
    if (count.value < 1) {
      return invalid(text(count.name, " must be at least 1"), text(count.name, " = ", count.value),
                     "sizes count elements, stride, dilation and groups from 1");
    }
  }
  return {};
}

Status check_groups(const ConvProblem& problem) {
  const int groups = problem.groups;
  if (problem.c % groups == 0 && problem.k % groups == 0) return {};
  const int common = std::gcd(problem.c, problem.k);
  int below = 1, above = common;
  for (int divisor = 1; divisor <= common / divisor; ++divisor) {
    if (common % divisor != 0) continue;
    for (const int legal : {divisor, common / divisor}) {
      if (legal < groups) below = std::max(below, legal);
      if (legal > groups) above = std::min(above, legal);
    }
  }
  return invalid(
      "groups must divide c and k",
      text("groups = ", groups, ", c = ", problem.c, ", k = ", problem.k),
      groups < common ? text("use groups = ", below, " or ", above) : text("use groups = ", below));
}

Status check_axis(const Axis& axis) {
  const std::int64_t reach = std::int64_t{axis.image} + std::abs(std::int64_t{axis.before}) +
                             std::abs(std::int64_t{axis.after});
  if (reach > kIntLimit) {
    return invalid(text("the padding reaches 2^31 positions or more along ", axis.image_name),
                   text(axis.image_name, " = ", axis.image, ", ", axis.before_name, " = ",
                        axis.before, ", ", axis.after_name, " = ", axis.after),
                   "use sizes whose sum is smaller");
  }
  if (axis.padded() < axis.filter_span()) {
    return invalid(
        text("the filter does not fit into the padded image along ", axis.image_name),
        text("it spans ", axis.filter_span(), " (", axis.filter_name, " = ", axis.filter, ", ",
             axis.dilation_name, " = ", axis.dilation, "), the image ", axis.padded(), " (",
             axis.image_name, " = ", axis.image, ", ", axis.before_name, " = ", axis.before, ", ",
             axis.after_name, " = ", axis.after, ")"),
        text("pad by ", axis.filter_span() - axis.padded(), " more, or use a larger image or a ",
             "smaller filter"));
  }
  return {};
}

Status check_gate(const ConvProblem& problem) {
  if (!problem.gate) return {};
  const bool one_to_one = problem.r == 1 && problem.s == 1 && problem.groups == 1 &&
                          problem.stride == Extent{1, 1} && problem.pad == Padding{};
  if (one_to_one) return {};
  return invalid("a gate is for 1x1 filters at stride 1 without padding and groups",
                 text("r x s = ", problem.r, "x", problem.s, ", stride = ", problem.stride.h, "x",
                      problem.stride.w, ", pad = ", problem.pad.top, ", ", problem.pad.bottom, ", ",
                      problem.pad.left, ", ", problem.pad.right, ", groups = ", problem.groups),
                 "multiply x by a launch of its own, or use such a convolution");
}

Status check_pitches(const ConvProblem& problem) {
  const Pitches& pitch = problem.pitch;
  if (pitch.residual != 0 && !problem.residual) {
    return invalid("a pitch of the residual for a problem without one",
                   text("pitch.residual = ", pitch.residual),
                   "set ConvProblem::residual, or use pitch.residual = 0");
  }
  if (Status status = host::check_pitch("pitch.x", pitch.x, "c", problem.c, problem.dtype);
      !status.ok())
    return status;
  if (Status status =
          host::check_pitch("pitch.residual", pitch.residual, "k", problem.k, problem.dtype);
      !status.ok())
    return status;
  return host::check_pitch("pitch.y", pitch.y, "k", problem.k, problem.dtype);
}

Status check_products(const ConvProblem& problem) {
  const auto element_bytes = static_cast<std::int64_t>(size_of(problem.dtype));
  const int x_pitch = host::x_pitch(problem), y_pitch = host::y_pitch(problem);
  const auto pixel = [](const char* channels, const char* pitch, int pitch_value) {
    return pitch_value != 0 ? pitch : channels;
  };
  if (!checked_product({problem.n, problem.h, problem.w, x_pitch, element_bytes})) {
    return invalid("x is 2^63 bytes or more",
                   text("n * h * w * ", pixel("c", "pitch.x", problem.pitch.x), " = ", problem.n,
                        " * ", problem.h, " * ", problem.w, " * ", x_pitch),
                   "use a smaller batch or image");
  }
  const int p = problem.p(), q = problem.q();
  if (!checked_product({problem.n, p, q, y_pitch, element_bytes})) {
    return invalid("y is 2^63 bytes or more",
                   text("n * p * q * ", pixel("k", "pitch.y", problem.pitch.y), " = ", problem.n,
                        " * ", p, " * ", q, " * ", y_pitch),
                   "use a smaller batch or image");
  }
  const int residual_pitch = host::residual_pitch(problem);
  if (!checked_product({problem.n, p, q, residual_pitch, element_bytes})) {
    return invalid(
        "the residual is 2^63 bytes or more",
        text("n * p * q * pitch.residual = ", problem.n, " * ", p, " * ", q, " * ", residual_pitch),
        "use a smaller batch or image");
  }
  return host::check_packed_size(problem.dtype, problem.k, host::c_per_group(problem), problem.r,
                                 problem.s);
}

// "3", or "3x1" where the two differ.
std::string pair(int first, int second) {
  return first == second ? text(first) : text(first, "x", second);
}

std::string padding(const Padding& pad) {
  const bool even = pad.top == pad.bottom && pad.left == pad.right;
  if (even) return pair(pad.top, pad.left);
  return text(pad.top, ",", pad.bottom, ",", pad.left, ",", pad.right);
}

}  // namespace

int ConvProblem::p() const noexcept {
  return vertical(*this).output();
}
int ConvProblem::q() const noexcept {
  return horizontal(*this).output();
}

double ConvProblem::flops() const noexcept {
  return 2.0 * n * p() * q() * k * r * s * c / groups;
}

Status validate(const ConvProblem& problem) {
  return guarded([&]() -> Status {
    if (Status status = host::check_data_type(problem.dtype); !status.ok()) return status;
    if (Status status = host::check_activation(problem.activation); !status.ok()) return status;
    if (Status status = check_counts(problem); !status.ok()) return status;
    if (Status status = check_groups(problem); !status.ok()) return status;
    if (Status status = check_pitches(problem); !status.ok()) return status;
    if (Status status = check_axis(vertical(problem)); !status.ok()) return status;
    if (Status status = check_axis(horizontal(problem)); !status.ok()) return status;
    if (Status status = check_gate(problem); !status.ok()) return status;
    return check_products(problem);
  });
}

std::string to_string(const ConvProblem& problem) {
  return guarded_text([&] {
    const Extent dense = {1, 1};
    std::string line =
        text("n", problem.n, " ", problem.h, "x", problem.w, "x", problem.c, " -> ", problem.p(),
             "x", problem.q(), "x", problem.k, " ", problem.r, "x", problem.s, " s",
             pair(problem.stride.h, problem.stride.w), " p", padding(problem.pad));
    if (problem.dilation != dense) {
      line += text(" d", pair(problem.dilation.h, problem.dilation.w));
    }
    if (problem.groups != 1) line += text(" g", problem.groups);
    line += text(" ", to_string(problem.dtype));
    if (problem.gate) line += " *gate";
    if (problem.residual) line += " +residual";
    if (problem.activation != Activation::none) line += text(" ", to_string(problem.activation));
    if (problem.pitch.x != 0) line += text(" x pitch ", problem.pitch.x);
    if (problem.pitch.residual != 0) line += text(" residual pitch ", problem.pitch.residual);
    if (problem.pitch.y != 0) line += text(" y pitch ", problem.pitch.y);
    return line;
  });
}

}  // namespace foldconv
