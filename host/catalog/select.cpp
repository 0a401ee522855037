#include "catalog/select.hpp"

#include <algorithm>
#include <cstdint>

#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "catalog/supports.hpp"
#include "conv/launch.hpp"

namespace foldconv::host {
namespace {

// The first row whose kernel takes the problem (supports.cpp) and whose grid fills the device
// `waves` times is chosen. A wave is one CTA for each SM. Rows with tiles 128 channels wide also
// ask that the channels fill them.
struct Row {
  const ConvTile* tile;  // null: the direct kernel
  ConvLoader loader;
  int waves;
  const char* reason;
};

constexpr Row kTable[] = {
    {&tiles::k256x128::value, ConvLoader::load_1x1, 2,
     "1x1, two waves of the largest tile: the most FLOPs for each byte of shared memory"},
    {&tiles::k128x128::value, ConvLoader::load_1x1, 1,
     "1x1, a wave of 128x128 tiles, not two of 256x128"},
    {&tiles::k128x64::value, ConvLoader::load_1x1, 1,
     "1x1, a wave of 128x64 tiles: few output channels, or too small a grid for wider tiles"},
    {&tiles::k64x64::value, ConvLoader::load_1x1, 0,
     "1x1, less than a wave of larger tiles: the most CTAs, to use the most SMs"},
    {&tiles::k256x128::value, ConvLoader::load_rxs, 2,
     "64 channels or more, two waves of the largest tile: the most FLOPs for each byte of shared "
     "memory"},
    {&tiles::k128x128::value, ConvLoader::load_rxs, 1,
     "64 channels or more, a wave of 128x128 tiles, not two of 256x128"},
    {&tiles::k128x64::value, ConvLoader::load_rxs, 1,
     "64 channels or more, a wave of 128x64 tiles: few output channels, or too small a grid for "
     "wider tiles"},
    {&tiles::k64x64::value, ConvLoader::load_rxs, 0,
     "64 channels or more, less than a wave of larger tiles: the most CTAs, to use the most SMs"},
    {&tiles::k128x64::value, ConvLoader::load_narrow, 1,
     "fewer than 64 channels, a wave of 128x64 tiles"},
    {&tiles::k64x64::value, ConvLoader::load_narrow, 0,
     "fewer than 64 channels, less than a wave of 128x64 tiles: the most CTAs"},
    {&tiles::k128x64::value, ConvLoader::load_element, 1,
     "channels that break 16-byte copies, a wave of 128x64 tiles"},
    {&tiles::k64x64::value, ConvLoader::load_element, 0,
     "channels that break 16-byte copies, less than a wave of 128x64 tiles: the most CTAs"},
    {nullptr, ConvLoader::load_element, 0,
     "no tensor-core kernel takes the problem (for f32 there is none); this one takes every "
     "problem"},
};

const ConvKernel* kernel_of(const Row& row, DataType dtype) {
  const auto kernels = conv_kernels();
  const auto found = std::ranges::find_if(kernels, [&](const ConvKernel& kernel) {
    return kernel.dtype == dtype && kernel.tile == row.tile &&
           (kernel.direct() || kernel.loader == row.loader);
  });
  return found == kernels.end() ? nullptr : &*found;
}

// A tile twice as wide costs nothing where a third of its columns or less would be padding, and
// needs fewer bytes for each FLOP.
std::string width_shortfall(const ConvTile& tile, const ConvProblem& problem) {
  if (tile.block_n <= tiles::k64x64::value.block_n) return {};
  const std::int64_t channels = k_per_group(problem);
  const std::int64_t columns = ceil_div(channels, tile.block_n) * tile.block_n;
  if ((columns - channels) * 3 < columns) return {};
  return text("too wide: k / groups = ", channels, " leaves a third or more of ", columns,
              " tile columns to padding; nearest above: k / groups = ", columns * 2 / 3 + 1);
}

std::string grid_shortfall(const Row& row, const ConvProblem& problem,
                           const DeviceFigures& device) {
  const std::int64_t tiles = tile_count(*row.tile, problem);
  const std::int64_t wanted = std::int64_t{row.waves} * device.multiprocessors;
  if (tiles >= wanted) return {};
  return text("grid too small: ", tiles, " CTAs, the row asks for ", row.waves,
              row.waves == 1 ? " wave" : " waves", " of ", device.multiprocessors,
              " SMs; nearest: ", wanted, " CTAs");
}

// Why the table passes over a kernel that could run the problem.
std::string shortfall(const Row& row, const ConvProblem& problem, const DeviceFigures& device) {
  if (row.tile == nullptr) return {};
  std::string reason = width_shortfall(*row.tile, problem);
  return reason.empty() ? grid_shortfall(row, problem, device) : reason;
}

Status unknown_kernel(std::string_view name, DataType dtype) {
  std::string known;
  for (const Row& row : kTable) {
    if (const ConvKernel* kernel = kernel_of(row, dtype)) {
      known += text(known.empty() ? "" : ", ", kernel->name);
    }
  }
  return invalid("there is no kernel of the pinned name", text('"', name, '"'),
                 text("kernels for ", to_string(dtype), ": ", known));
}

}  // namespace

Result<Choice> select(const ConvProblem& problem, const PlanOptions& options,
                      const DeviceFigures& device) {
  if (Status status = check_capability(device); !status.ok()) return status;

  Choice choice = {};
  if (!options.kernel.empty()) {
    choice.kernel = find_conv_kernel(options.kernel);
    if (choice.kernel == nullptr) return unknown_kernel(options.kernel, problem.dtype);
    if (const std::string reason = refusal(*choice.kernel, problem, device); !reason.empty()) {
      return error(ErrorCode::unsupported,
                   text("the pinned kernel ", choice.kernel->name, " does not take the problem"),
                   reason, "or pin none, and the selection table chooses");
    }
    choice.reason = "pinned by PlanOptions::kernel";
  }

  for (const Row& row : kTable) {
    const ConvKernel* kernel = kernel_of(row, problem.dtype);
    if (kernel == nullptr || kernel == choice.kernel) continue;
    std::string reason = refusal(*kernel, problem, device);
    if (reason.empty()) reason = shortfall(row, problem, device);
    if (reason.empty() && choice.kernel == nullptr) {
      choice.kernel = kernel;
      choice.reason = row.reason;
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
