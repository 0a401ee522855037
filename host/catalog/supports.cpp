// SPDX-License-Identifier: MIT
#include "catalog/supports.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "catalog/depthwise.hpp"
#include "catalog/grouped.hpp"
#include "catalog/launch.hpp"
#include "params/conv_params.hpp"

namespace foldconv::host {
namespace {

constexpr int kChunk = 8;            // 16-bit elements that one copy moves
constexpr int kSmallestGroupK = 16;  // below, most of each tile would be padding
constexpr int kSmallestGroupC = 8;

std::string taps_rule(ConvLoader loader, const ConvProblem& problem) {
  if (loader == ConvLoader::load_1x1 || loader == ConvLoader::load_joined ||
      loader == ConvLoader::load_gated) {
    if (problem.r == 1 && problem.s == 1) return {};
    return text("takes 1x1 filters only: r x s = ", problem.r, "x", problem.s, "; nearest: 1x1");
  }
  const auto too_many = [](const char* name, int value) {
    return text("takes filters of at most ", kMaxTensorCoreTaps, "x", kMaxTensorCoreTaps, ": ",
                name, " = ", value, "; nearest: ", name, " = ", kMaxTensorCoreTaps);
  };
  if (problem.r > kMaxTensorCoreTaps) return too_many("r", problem.r);
  if (problem.s > kMaxTensorCoreTaps) return too_many("s", problem.s);
  return {};
}

std::string groups_rule(const ConvProblem& problem) {
  if (problem.groups == 1) return {};
  const auto too_narrow = [](const char* name, int value, int smallest) {
    return text("groups this narrow would leave most of each tile to padding: ", name, " = ", value,
                "; nearest: ", name, " = ", smallest, ", or groups = 1");
  };
  if (k_per_group(problem) < kSmallestGroupK) {
    return too_narrow("k / groups", k_per_group(problem), kSmallestGroupK);
  }
  if (c_per_group(problem) < kSmallestGroupC) {
    return too_narrow("c / groups", c_per_group(problem), kSmallestGroupC);
  }
  return {};
}

// Which kernels multiply x by a gate.
std::string gate_rule(const ConvKernel& kernel, const ConvProblem& problem) {
  const bool gated = !kernel.direct() && kernel.loader == ConvLoader::load_gated;
  if (gated == problem.gate || kernel.direct()) return {};
  return gated ? "multiplies x by a gate: the problem has none; nearest: gate = true"
               : "does not multiply x by a gate: the problem has one; nearest: gate = false";
}

// Of the halo loader.
std::string same_size_rule(const ConvProblem& problem) {
  if (problem.stride.h != 1 || problem.stride.w != 1) {
    return text("takes stride 1 only: stride = ", problem.stride.h, "x", problem.stride.w,
                "; nearest: 1x1");
  }
  const auto other_size = [](const char* x_name, int x_size, const char* y_name, int y_size,
                             const char* padding, int nearest) {
    return text("takes outputs of x's size only: ", x_name, " = ", x_size, ", ", y_name, " = ",
                y_size, "; nearest: ", padding, " = ", nearest);
  };
  if (problem.p() != problem.h) {
    return other_size("h", problem.h, "p", problem.p(), "pad top + pad bottom",
                      (problem.r - 1) * problem.dilation.h);
  }
  if (problem.q() != problem.w) {
    return other_size("w", problem.w, "q", problem.q(), "pad left + pad right",
                      (problem.s - 1) * problem.dilation.w);
  }
  return {};
}

std::string fewest_taps_rule(const ConvTile& tile, const ConvProblem& problem) {
  const int taps = problem.r * problem.s, fewest = HaloTile{tile}.fewest_taps();
  if (taps >= fewest) return {};
  return text("copies the next slice's pixels during a slice's taps, of which it needs ", fewest,
              ": r * s = ", taps, "; nearest: r * s = ", fewest);
}

std::string channels_rule(ConvLoader loader, const ConvProblem& problem) {
  if (loader == ConvLoader::load_element) return {};
  const int channels = c_per_group(problem);
  const char* name = problem.groups == 1 ? "c" : "c / groups";
  const auto too_many = [&](int nearest) {
    return text("is for fewer than ", kSliceWidth, " channels: ", name, " = ", channels,
                "; nearest: ", name, " = ", nearest);
  };
  if (loader == ConvLoader::load_rows) {
    return channels < kSliceWidth ? std::string() : too_many(kSliceWidth - 1);
  }
  if ((loader == ConvLoader::load_rxs || loader == ConvLoader::load_halo) &&
      channels < kSliceWidth) {
    return text("reads one tap a stage, at least ", kSliceWidth, " channels: ", name, " = ",
                channels, "; nearest: ", name, " = ", kSliceWidth);
  }
  if (loader == ConvLoader::load_narrow && channels >= kSliceWidth) {
    return too_many(kSliceWidth - kChunk);
  }
  // With c / groups a multiple of 8, so is c.
  if (channels % kChunk != 0) {
    const int above = (channels + kChunk - 1) / kChunk * kChunk;
    const bool legal = loader != ConvLoader::load_narrow || above < kSliceWidth;
    return text("copies 16 bytes at a time: ", name, " = ", channels, " is no multiple of ", kChunk,
                legal ? "; nearest above: " : "; nearest: ", name, " = ",
                legal ? above : above - kChunk);
  }
  return {};
}

std::string index_refusal(const char* what, std::optional<std::int64_t> value, const char* name,
                          std::int64_t nearest) {
  return text("indexes with 32 bits: ", what, " = ",
              value ? text(*value) : std::string("2^63 or more"), ", 2^31 or more; ",
              nearest >= 1 ? text("nearest: ", name, " = ", nearest)
                           : text("no ", name, " is small enough"));
}

// The halo loader's pixels do not fit.
std::string halo_shortfall(const ConvTile& tile, const ConvProblem& problem,
                           const DeviceFigures& device, std::int64_t needed) {
  const int slices = weight_layout(problem).slices();
  const auto available = static_cast<std::int64_t>(device.shared_bytes);
  const std::int64_t smallest = HaloTile{tile}.shared_bytes(0, slices);
  const std::int64_t bytes_a_pixel = (HaloTile{tile}.shared_bytes(1, slices) - smallest);
  const std::int64_t reach = (available - smallest) / bytes_a_pixel;
  const std::int64_t row_reach = (std::int64_t{problem.r} - 1) * problem.dilation.h;
  const std::int64_t column_reach = (std::int64_t{problem.s} - 1) * problem.dilation.w;
  const std::int64_t widest = row_reach > 0 ? (reach - column_reach) / row_reach : 0;
  return text("needs ", needed, " bytes of shared memory (the pixels that the windows of ",
              tile.block_m, " output pixels reach), the device has ", available,
              widest >= 1 && available >= smallest
                  ? text("; nearest: w = ", widest)
                  : std::string("; a smaller tile or filter needs less"));
}

// The rows loader's planes do not fit.
std::string rows_shortfall(const ConvKernel& kernel, const ConvProblem& problem,
                           const DeviceFigures& device, std::int64_t needed) {
  ConvProblem fewer = problem;
  do {
    fewer.c -= fewer.groups;
  } while (fewer.c > 0 && std::cmp_greater(shared_bytes(kernel, fewer), device.shared_bytes));
  return text("needs ", needed, " bytes of shared memory for what ", kernel.tile->block_m,
              " pixels of y read of x, the device has ", device.shared_bytes, "; ",
              fewer.c > 0 ? text("nearest: c = ", fewer.c) : std::string("no c is small enough"));
}

std::string shared_memory_rule(const ConvKernel& kernel, const ConvProblem& problem,
                               const DeviceFigures& device) {
  const std::int64_t needed = shared_bytes(kernel, problem);
  if (std::cmp_less_equal(needed, device.shared_bytes)) return {};
  if (kernel.loader == ConvLoader::load_rows) {
    return rows_shortfall(kernel, problem, device, needed);
  }
  if (kernel.loader == ConvLoader::load_halo) {
    return halo_shortfall(*kernel.tile, problem, device, needed);
  }
  const int entries = table_entries(kernel.loader, weight_layout(problem));
  return text("needs ", needed, " bytes of shared memory (", entries,
              " table entries for r * s * c / groups), the device has ", device.shared_bytes,
              "; a smaller tile or fewer channels need less");
}

}  // namespace

std::string index_rule(const ConvTile& tile, ConvLoader loader, const ConvProblem& problem) {
  const std::int64_t largest = kIndexLimit - 1;
  const std::int64_t pixels = output_pixels(problem);
  const std::int64_t pixels_per_image = std::int64_t{problem.p()} * problem.q();
  // The last tile counts on past the last pixel.
  const std::int64_t most_pixels = largest / tile.block_m * tile.block_m;
  if (pixels > most_pixels) {
    return index_refusal("n * p * q up to a whole tile",
                         ceil_div(pixels, tile.block_m) * tile.block_m, "n",
                         most_pixels / pixels_per_image);
  }
  if (const std::int64_t ctas = tile_count(tile, problem); ctas > largest) {
    const std::int64_t most_tiles = largest / (ctas / ceil_div(pixels, tile.block_m));
    return index_refusal("CTAs", ctas, "n", most_tiles * tile.block_m / pixels_per_image);
  }
  // What addresses of x count: chunks of the whole tensor, or elements of the images that a tile may touch.
  const int unit = address_unit(loader);
  const std::int64_t images =
      unit == kChunk
          ? problem.n
          : std::min<std::int64_t>(problem.n, ceil_div(tile.block_m - 1, pixels_per_image) + 1);
  // A window may start in the margin: its address is computed before it is found outside.
  const std::int64_t margin_h =
      std::abs(std::int64_t{problem.pad.top}) + std::abs(std::int64_t{problem.pad.bottom});
  const std::int64_t margin_w =
      std::abs(std::int64_t{problem.pad.left}) + std::abs(std::int64_t{problem.pad.right});
  const std::int64_t rows = images * problem.h + margin_h;
  const std::int64_t row_units = (problem.w + margin_w) * (x_pitch(problem) / unit);
  const auto x = checked_product({rows, row_units});
  if (!x || *x > largest) {
    return index_refusal(unit == kChunk ? "16-byte chunks of x, padding included"
                                        : "elements of a tile's images, padding included",
                         x, "n", (largest / row_units - margin_h) / problem.h);
  }
  const std::int64_t row = weight_layout(problem).row();
  if (const std::int64_t w = row * problem.k; w > largest) {
    return index_refusal("elements of the packed weights", w, "k", largest / row);
  }
  return {};
}

namespace {

std::string arch_rule(const Arch& arch, const DeviceFigures& device) {
  if (arch.runs_on(device.capability)) return {};
  return text("is compiled for compute capability ", dotted(arch.capability),
              arch.only ? " alone" : " and later", ": the device has ", dotted(device.capability));
}

// Rules on the problem's form, whatever its size.
std::string form_rule(const ConvKernel& kernel, const ConvProblem& problem,
                      const DeviceFigures& device) {
  if (kernel.dtype != problem.dtype) {
    return text("computes in ", to_string(kernel.dtype), ": the problem is ",
                to_string(problem.dtype));
  }
  if (auto reason = arch_rule(kernel.arch, device); !reason.empty()) return reason;
  if (auto reason = gate_rule(kernel, problem); !reason.empty()) return reason;
  if (kernel.depthwise != nullptr) return depthwise_rule(*kernel.depthwise, problem);
  if (kernel.grouped != nullptr) return grouped_form_rule(*kernel.grouped, problem);
  if (kernel.direct()) return {};
  if (auto reason = taps_rule(kernel.loader, problem); !reason.empty()) return reason;
  if (auto reason = groups_rule(problem); !reason.empty()) return reason;
  if (kernel.loader == ConvLoader::load_halo) {
    if (auto reason = same_size_rule(problem); !reason.empty()) return reason;
    if (auto reason = fewest_taps_rule(*kernel.tile, problem); !reason.empty()) return reason;
  }
  return channels_rule(kernel.loader, problem);
}

}  // namespace

std::string refusal(const ConvKernel& kernel, const ConvProblem& problem,
                    const DeviceFigures& device) {
  std::string reason = form_rule(kernel, problem, device);
  if (!reason.empty() || kernel.direct()) return reason;
  if (kernel.depthwise != nullptr) return depthwise_size_rule(*kernel.depthwise, problem);
  if (kernel.grouped != nullptr) {
    reason = grouped_shared_memory_rule(*kernel.grouped, problem, device);
    return reason.empty() ? grouped_size_rule(problem) : reason;
  }
  reason = index_rule(*kernel.tile, kernel.loader, problem);
  return reason.empty() ? shared_memory_rule(kernel, problem, device) : reason;
}

std::string size_refusal(const ConvKernel& kernel, const ConvProblem& problem,
                         const DeviceFigures& device) {
  if (kernel.direct() || !form_rule(kernel, problem, device).empty()) return {};
  if (kernel.depthwise != nullptr) return depthwise_size_rule(*kernel.depthwise, problem);
  if (kernel.grouped != nullptr) return grouped_size_rule(problem);
  return index_rule(*kernel.tile, kernel.loader, problem);
}

}  // namespace foldconv::host
