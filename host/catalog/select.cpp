// SPDX-License-Identifier: MIT
#include "catalog/select.hpp"

#include <algorithm>
#include <cstdint>

#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "catalog/launch.hpp"
#include "catalog/problem_sizes.hpp"
#include "catalog/supports.hpp"

namespace foldconv::host {
namespace {

// A tile twice as wide costs nothing where a third of its columns or less would be padding, and
// needs fewer bytes for each FLOP.
constexpr int kNarrowestTile = 64;

std::string width_shortfall(const ConvTile& tile, const ConvProblem& problem) {
  if (tile.block_n <= kNarrowestTile) return {};
  const std::int64_t channels = k_per_group(problem);
  const std::int64_t columns = ceil_div(channels, tile.block_n) * tile.block_n;
  if ((columns - channels) * 3 < columns) return {};
  return text("too wide: k / groups = ", channels, " leaves a third or more of ", columns,
              " tile columns to padding; nearest above: k / groups = ", columns * 2 / 3 + 1);
}

std::string grid_shortfall(const ConvKernel& kernel, const ConvProblem& problem,
                           const DeviceFigures& device) {
  const std::int64_t tiles = tile_count(*kernel.tile, problem);
  const std::int64_t wanted = std::int64_t{kernel.waves} * device.multiprocessors;
  if (tiles >= wanted) return {};
  return text("grid too small: ", tiles, " CTAs, the row asks for ", kernel.waves,
              kernel.waves == 1 ? " wave" : " waves", " of ", device.multiprocessors,
              " SMs; nearest: ", wanted, " CTAs");
}

// A tile for several CTAs an SM, where the planes of x leave room for fewer.
std::string residency_shortfall(const ConvKernel& kernel, const ConvProblem& problem,
                                const DeviceFigures& device) {
  if (kernel.loader != ConvLoader::load_rows || kernel.waves == 0) return {};
  const std::int64_t needed = shared_bytes(kernel, problem);
  const int wanted = kernel.tile->min_ctas_per_sm;
  const auto most = static_cast<std::int64_t>(device.shared_bytes) / wanted;
  if (needed <= most) return {};
  return text("too much shared memory for ", wanted, " CTAs an SM: ", needed,
              " bytes; nearest: ", most);
}

// Why the table passes over a kernel that could run the problem.
std::string shortfall(const ConvKernel& kernel, const ConvProblem& problem,
                      const DeviceFigures& device) {
  if (kernel.direct()) return {};
  std::string reason = width_shortfall(*kernel.tile, problem);
  if (reason.empty()) reason = grid_shortfall(kernel, problem, device);
  return reason.empty() ? residency_shortfall(kernel, problem, device) : reason;
}

using Kernels = std::vector<const ConvKernel*>;

Status unknown_kernel(std::string_view name, DataType dtype, const Kernels& kernels) {
  std::string known;
  for (const ConvKernel* kernel : kernels) {
    known += text(known.empty() ? "" : ", ", kernel->name);
  }
  return invalid("there is no kernel of the pinned name", text('"', name, '"'),
                 text("kernels for ", to_string(dtype), ": ", known));
}

// The row's own words, and what explains a choice that costs much.
std::string reason_of(const ConvKernel& chosen, const Kernels& kernels, const ConvProblem& problem,
                      const DeviceFigures& device) {
  std::string reason = chosen.reason;
  if (chosen.gain.what != nullptr) {
    reason += text("; measured: ", chosen.gain.factor, " times as fast (", chosen.gain.what, ")");
  }
  for (const ConvKernel* kernel : kernels) {
    if (kernel == &chosen) break;
    if (!chosen.direct() && kernel->loader == chosen.loader) continue;
    const std::string too_large = size_refusal(*kernel, problem, device);
    if (too_large.empty()) continue;
    return text("the tensors are too large for ",
                chosen.direct() ? "tensor-core kernels; this one, without tensor cores, is many "
                                  "times slower. "
                                : "loaders that copy 16 bytes at a time; this one reads x element "
                                  "by element. ",
                kernel->name, " ", too_large);
  }
  return reason;
}

}  // namespace

Result<Choice> select(const ConvProblem& problem, const PlanOptions& options,
                      const DeviceFigures& device, std::span<const ConvKernel> catalog) {
  if (Status status = check_capability(device); !status.ok()) return status;
  const Kernels kernels = in_order(catalog, problem.dtype);

  Choice choice = {};
  if (!options.kernel.empty()) {
    const auto pinned = std::ranges::find(catalog, options.kernel, &ConvKernel::name);
    if (pinned == catalog.end()) return unknown_kernel(options.kernel, problem.dtype, kernels);
    choice.kernel = &*pinned;
    if (const std::string reason = refusal(*choice.kernel, problem, device); !reason.empty()) {
      return error(ErrorCode::unsupported,
                   text("the pinned kernel ", choice.kernel->name, " does not take the problem"),
                   reason, "or pin none, and the selection table chooses");
    }
    choice.reason = "pinned by PlanOptions::kernel";
  }

  for (const ConvKernel* kernel : kernels) {
    if (kernel == choice.kernel) continue;
    std::string reason = refusal(*kernel, problem, device);
    if (reason.empty()) reason = shortfall(*kernel, problem, device);
    if (reason.empty() && choice.kernel == nullptr) {
      choice.kernel = kernel;
      choice.reason = reason_of(*kernel, kernels, problem, device);
      continue;
    }
    if (reason.empty()) {
      reason = text("takes the problem, but ", choice.kernel->name,
                    options.kernel.empty() ? " stands before it in the table" : " is pinned");
    }
    choice.refused.push_back({kernel->name, std::move(reason)});
  }
  return choice;
}

}  // namespace foldconv::host
