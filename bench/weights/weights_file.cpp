#include "weights/weights_file.hpp"

#include <filesystem>
#include <memory>
#include <utility>

#include "weights/block_weights.hpp"

namespace foldconv::tool {
namespace {

BlockData data_of(LoadedBlock loaded, const Options& options) {
  const auto kept = std::make_shared<const LoadedBlock>(std::move(loaded));
  const auto with_activation = [&](auto weights) {
    weights.inner = weights.last = options.activation;
    weights.alpha = options.alpha;
    return weights;
  };
  if (kept->is_bottleneck()) return {with_activation(kept->bottleneck()), kept};
  return {with_activation(kept->basic_block()), kept};
}

BlockShape shape_of(const LoadedBlock& block) {
  return {.c = block.c(),
          .middle = block.is_bottleneck() ? block.conv1.k : 0,
          .k = block.k(),
          .stride = block.traits.stride,
          .stride_at = block.traits.stride_at,
          .groups = block.groups,
          .projection = block.downsample.has_value()};
}

}  // namespace

Result<std::vector<BlockDescriptor>> read_weights(const Options& options) {
  const WeightsOptions& wanted = options.weights;
  const Result<Safetensors> file = read_safetensors(wanted.file);
  if (!file) return file.status();
  std::vector<std::string> prefixes = wanted.prefixes;
  if (prefixes.empty()) prefixes.emplace_back();
  std::vector<BlockDescriptor> blocks;
  for (const std::string& prefix : prefixes) {
    Result<LoadedBlock> loaded = load_block(
        *file, prefix,
        {.stride = wanted.stride, .stride_at = wanted.stride_at, .eps = Epsilon(wanted.eps)});
    if (!loaded) return loaded.status();
    const std::string name =
        prefix.empty() ? std::filesystem::path(wanted.file).stem().string() : prefix;
    blocks.push_back({.problem = {1, wanted.h, wanted.w > 0 ? wanted.w : wanted.h},
                      .blocks = {shape_of(*loaded)},
                      .name = name,
                      .text = name,
                      .data = {}});
    blocks.back().data.push_back(data_of(std::move(*loaded), options));
  }
  return blocks;
}

}  // namespace foldconv::tool
