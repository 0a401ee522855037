// SPDX-License-Identifier: MIT
#include "catalog/family.hpp"

#include <cstdint>

#include "base/error.hpp"
#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "catalog/arch.hpp"
#include "catalog/supports.hpp"

namespace foldconv {
namespace host {
namespace {

constexpr int kMapUnit = 8;            // 16-bit elements that the strides of a tensor map count in
constexpr int kMostElementStride = 8;  // of a tensor map
constexpr int kMostOffset = 254;       // of a tap, from 8 bits
constexpr int kLowestCorner = -128, kHighestCorner = 127;

std::string sm90_multiple_rule(const char* name, int value, int unit) {
  if (value % unit == 0) return {};
  return text("copies by tensor maps, whose strides are multiples of 16 bytes: ", name, " = ",
              value, " is no multiple of ", unit, "; nearest above: ", name, " = ",
              ceil_div(value, unit) * unit);
}

std::string sm90_channels_rule(const ConvProblem& problem) {
  const bool grouped = problem.groups != 1;
  const char *c = grouped ? "c / groups" : "c", *k = grouped ? "k / groups" : "k";
  const int channels = c_per_group(problem);
  if (channels < kSliceWidth) {
    return text("multiplies slices of ", kSliceWidth, " channels: ", c, " = ", channels,
                "; nearest: ", c, " = ", kSliceWidth);
  }
  if (grouped && channels % kSliceWidth != 0) {
    return text("copies whole slices of ", kSliceWidth,
                " channels, which may not reach into the next group: ", c, " = ", channels,
                "; nearest above: ", c, " = ", ceil_div(channels, kSliceWidth) * kSliceWidth);
  }
  if (auto reason = sm90_multiple_rule(c, channels, kMapUnit); !reason.empty()) return reason;
  return sm90_multiple_rule(k, k_per_group(problem), kMapUnit);
}

// One direction of a filter over an image.
struct Sm90Axis {
  const char *stride_name, *reach_name, *before_name, *after_name;
  int stride, taps, dilation, before, after;
};

// A tensor map's box of the pixels that the first tap meets.
std::string sm90_axis_rule(const Sm90Axis& axis) {
  if (axis.stride > kMostElementStride) {
    return text("steps by at most ", kMostElementStride, " pixels: ", axis.stride_name, " = ",
                axis.stride, "; nearest: ", axis.stride_name, " = ", kMostElementStride);
  }
  const std::int64_t reach = (std::int64_t{axis.taps} - 1) * axis.dilation;
  if (reach > kMostOffset) {
    return text("reaches at most ", kMostOffset,
                " pixels behind a window's first: ", axis.reach_name, " = ", reach,
                "; nearest: ", axis.reach_name, " = ", kMostOffset);
  }
  const auto outside = [](const char* name, std::int64_t value, std::int64_t lowest,
                          std::int64_t highest) {
    return text("begins windows at most ", -kLowestCorner, " pixels outside of the image: ", name,
                " = ", value, "; nearest: ", name, " = ", value < lowest ? lowest : highest);
  };
  const std::int64_t before_low = -kHighestCorner, before_high = -kLowestCorner;
  if (axis.before < before_low || axis.before > before_high)
    return outside(axis.before_name, axis.before, before_low, before_high);
  const std::int64_t after_low = kLowestCorner + reach, after_high = kHighestCorner + reach;
  if (axis.after < after_low || axis.after > after_high)
    return outside(axis.after_name, axis.after, after_low, after_high);
  return {};
}

constexpr const char* kNotConfirmed =
    "no chip has confirmed the sm_90 kernels yet (tests/golden/sm90 has no answers)";

}  // namespace

std::string sm90_rule(const ConvProblem& problem) {
  if (problem.dtype != DataType::f16 && problem.dtype != DataType::bf16)
    return text("computes in f16 and bf16: the problem is ", to_string(problem.dtype));
  if (problem.gate) return "does not multiply x by a gate: the problem has one";
  if (auto reason = sm90_channels_rule(problem); !reason.empty()) return reason;
  const Sm90Axis axes[] = {
      {"stride.h", "(r - 1) * dilation.h", "pad.top", "pad.bottom", problem.stride.h, problem.r,
       problem.dilation.h, problem.pad.top, problem.pad.bottom},
      {"stride.w", "(s - 1) * dilation.w", "pad.left", "pad.right", problem.stride.w, problem.s,
       problem.dilation.w, problem.pad.left, problem.pad.right}};
  for (const Sm90Axis& axis : axes) {
    if (auto reason = sm90_axis_rule(axis); !reason.empty()) return reason;
  }
  return {};
}

std::string sm90_size_rule(const ConvProblem& problem) {
  // The last tile, or the last two, count on past the last pixel.
  constexpr std::int64_t kMostTileRows = 2 * 256;
  constexpr std::int64_t kMostPixels = kIndexLimit - kMostTileRows;
  const std::int64_t pixels_per_image = std::int64_t{problem.p()} * problem.q();
  if (output_pixels(problem) > kMostPixels) {
    return text("counts pixels by 32 bits: n * p * q = ", output_pixels(problem), ", more than ",
                kMostPixels,
                kMostPixels / pixels_per_image >= 1
                    ? text("; nearest: n = ", kMostPixels / pixels_per_image)
                    : std::string("; no n is small enough"));
  }
  // Every unit is a row of channels of at least 64 pixels.
  const std::int64_t tiles = ceil_div(output_pixels(problem), std::int64_t{64}) *
                             ceil_div(problem.k, std::int64_t{kMapUnit});
  if (tiles >= kIndexLimit) {
    return text("counts tiles by 32 bits: ", tiles, " of 64 pixels and ", kMapUnit,
                " channels; use a smaller n");
  }
  constexpr std::int64_t kMostStride = std::int64_t{1} << 40;  // bytes, of a tensor map
  const auto image = checked_product({problem.h, problem.w, x_pitch(problem), 2});
  if (!image || *image >= kMostStride)
    return text("copies images of less than 2^40 bytes: h * w * ",
                problem.pitch.x != 0 ? "pitch.x" : "c", " = ", problem.h, " * ", problem.w, " * ",
                x_pitch(problem), "; use smaller images");
  return {};
}

Status check_instructions(Instructions wanted, const DeviceFigures& device) {
  if (wanted > Instructions::sm90) {
    return invalid("unknown instructions", text("static_cast<Instructions>(", int(wanted), ")"),
                   "use a value of the enum");
  }
  if (wanted != Instructions::sm90 || arch::sm90a.runs_on(device.capability)) return {};
  return error(
      ErrorCode::unsupported, "the device does not run the instructions asked for",
      text("sm90 is compute capability 9.0 alone, the device has ", dotted(device.capability)),
      "use Instructions::automatic or sm80");
}

Family family_by_rule(const std::string& rule, Instructions wanted, const DeviceFigures& device) {
  if (wanted == Instructions::sm80) return {Instructions::sm80, "asked for by name"};
  if (!arch::sm90a.runs_on(device.capability)) {
    return {Instructions::sm80, text("sm_90 is compute capability 9.0 alone, the device has ",
                                     dotted(device.capability))};
  }
  if (!rule.empty()) return {Instructions::sm80, text("sm_90 does not take it: ", rule)};
  if (wanted == Instructions::sm90) {
    return {Instructions::sm90,
            kSm90Confirmed ? "asked for by name" : text("asked for by name; ", kNotConfirmed)};
  }
  if (kSm90Confirmed) return {Instructions::sm90, "sm_90 takes it"};
  return {Instructions::sm80, text("sm_90 takes it, if asked for by name: ", kNotConfirmed)};
}

Family family_of(const ConvProblem& problem, Instructions wanted, const DeviceFigures& device) {
  return family_by_rule(sm90_rule(problem), wanted, device);
}

}  // namespace host

const char* to_string(Instructions instructions) noexcept {
  switch (instructions) {
    case Instructions::automatic:
      return "automatic";
    case Instructions::sm80:
      return "sm80";
    case Instructions::sm90:
      return "sm90";
  }
  return "unknown";
}

Result<Instructions> parse_instructions(std::string_view name) {
  return host::guarded([&]() -> Result<Instructions> {
    for (const auto each : {Instructions::automatic, Instructions::sm80, Instructions::sm90}) {
      if (name == to_string(each)) return each;
    }
    return host::invalid("unknown instructions", host::text('"', name, '"'),
                         "use automatic, sm80 or sm90");
  });
}

}  // namespace foldconv
