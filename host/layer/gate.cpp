// SPDX-License-Identifier: MIT
#include "layer/gate.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "fold/pack.hpp"
#include "layer/layer_sizes.hpp"
#include "layer/make_layer.hpp"
#include "tile/mean_order.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv::host {
namespace {

// In the order in which lanes read: of each 8 outputs, for each two k-steps of 16, for each lane of a warp the 8 elements
// that it holds of B's fragments (PTX ISA, "mma.m16n8k16").
std::vector<std::byte> in_fragments(const FoldedConv& folded) {
  const std::vector<std::byte> packed = pack(folded);
  constexpr std::size_t kElement = 2, kPair = 2 * kElement;
  const int row = WeightLayout{folded.c_per_group(), 1}.row(), k = folded.k();
  const int groups = static_cast<int>(ceil_div(k, 8));
  std::vector<std::byte> fragments(static_cast<std::size_t>(groups) * 8 *
                                   static_cast<std::size_t>(row) * kElement);
  std::byte* to = fragments.data();
  for (int group = 0; group < groups; ++group) {
    for (int first = 0; first < row; first += 32) {
      for (int lane = 0; lane < 32; ++lane) {
        const int output = group * 8 + lane / 4;
        for (int chunk = 0; chunk < 4; ++chunk, to += kPair) {
          if (output >= k) continue;
          const auto element = static_cast<std::size_t>(output) * static_cast<std::size_t>(row) +
                               static_cast<std::size_t>(first + chunk * 8 + lane % 4 * 2);
          std::memcpy(to, packed.data() + element * kElement, kPair);
        }
      }
    }
  }
  return fragments;
}

std::vector<std::byte> transposed(const FoldedConv& folded) {
  const auto k = static_cast<std::size_t>(folded.k());
  const auto c = static_cast<std::size_t>(folded.c_per_group());
  std::vector<float> values(k * c);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < c; ++j) values[j * k + i] = folded.weights()[i * c + j];
  }
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> arranged(const FoldedConv& folded) {
  return folded.dtype() == DataType::f32 ? transposed(folded) : in_fragments(folded);
}

// Shared memory of an image.
std::int64_t image_bytes(DataType dtype, std::int64_t c, std::int64_t hidden) {
  const auto row = [&](std::int64_t inputs) {
    const int some = static_cast<int>(std::min<std::int64_t>(inputs, kGateSharedBytes));
    return dtype == DataType::f32 ? 4 * gate_row<4>(some) : 2 * gate_row<2>(some);
  };
  return row(c) + row(hidden);
}

}  // namespace

Result<GateWeights> GateWeights::create(const FoldedConv& squeeze, const FoldedConv& excite) {
  Result<DeviceMemory> memory = DeviceMemory::copy_of(
      {arranged(squeeze), std::as_bytes(squeeze.scale()), std::as_bytes(squeeze.bias()),
       arranged(excite), std::as_bytes(excite.scale()), std::as_bytes(excite.bias())},
      "a gate's weights");
  if (!memory.ok()) return memory.status();
  return GateWeights{squeeze.dtype(), squeeze.c_per_group(), squeeze.k(), excite.k(),
                     std::move(*memory)};
}

std::string gate_rule(DataType dtype, std::int64_t c, std::int64_t hidden) {
  if (image_bytes(dtype, c, hidden) <= kGateSharedBytes) return {};
  return text("keeps an image's channels in ", kGateSharedBytes, " bytes of shared memory: ", c,
              " and ", hidden,
              " channels; nearest: ", (kGateSharedBytes / static_cast<int>(size_of(dtype)) - 160),
              " together");
}

Result<Layer> plan_gate(const GateProblem& problem, const GateWeights& weights) {
  return guarded([&]() -> Result<Layer> {
    const DataType dtype = weights.dtype;
    if (std::string rule = gate_rule(dtype, weights.c, weights.hidden); !rule.empty())
      return error(ErrorCode::unsupported, "the gates' layers are too wide", rule,
                   "use layers of their own");
    const std::int64_t pixels = std::int64_t{problem.h} * problem.w;
    if (Status status = check_divisors({{"h * w", pixels}}); !status.ok()) return status;
    const Result<DeviceFigures> figures = current_figures();
    if (!figures.ok()) return figures.status();
    const auto linear = [&](std::size_t part, int inputs, int outputs,
                            const Activation& activation) {
      return GateLinear{weights.memory.part(part),
                        static_cast<const float*>(weights.memory.part(part + 1)),
                        static_cast<const float*>(weights.memory.part(part + 2)),
                        inputs,
                        outputs,
                        activation_params(activation)};
    };
    GateParams params = {};
    params.tiles = problem.from_sums ? mean_tiles(problem.h) * mean_tiles(problem.w) : 0;
    params.pixels = static_cast<int>(pixels);
    params.squeeze = linear(0, weights.c, weights.hidden, problem.squeeze);
    params.excite = linear(3, weights.hidden, weights.outputs, problem.excite);
    // CTAs for all SMs, then more images for the weights that each reads.
    const std::int64_t fit = kGateSharedBytes / image_bytes(dtype, weights.c, weights.hidden);
    const std::int64_t wanted =
        ceil_div(std::int64_t{problem.n}, std::int64_t{figures->multiprocessors});
    params.images = static_cast<int>(std::min({fit, wanted, std::int64_t{kMostGateImages}}));

    const double element = double(size_of(dtype));
    const double read = problem.from_sums ? sizeof(float) * double(params.tiles) : element;
    const double products = double(weights.hidden) * (double(weights.c) + weights.outputs);
    const double scales = 2 * sizeof(float) * (double(weights.hidden) + weights.outputs);
    const double bytes =
        problem.n * (read * weights.c + element * weights.outputs) + products * element + scales;
    return make_layer(LayerOp::gate, dtype, params,
                      {.n = problem.n, .units = problem.n, .units_per_cta = params.images},
                      layer_cost(bytes, 2 * problem.n * products));
  });
}

}  // namespace foldconv::host
