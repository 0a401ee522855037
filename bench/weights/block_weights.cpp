#include "weights/block_weights.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "weights/printable.hpp"

namespace foldconv::tool {
namespace {

constexpr std::size_t kPrefixesShown = 8;

// The names of a layer's tensors behind the block's prefix, and the filter it has there.
struct LayerName {
  std::string_view conv, batch_norm;
  int filter;
};

using VectorField = std::vector<float> LoadedLayer::*;
constexpr std::pair<std::string_view, VectorField> kBatchNormVectors[] = {
    {".weight", &LoadedLayer::gamma},
    {".bias", &LoadedLayer::beta},
    {".running_mean", &LoadedLayer::mean},
    {".running_var", &LoadedLayer::variance}};

template <class... Pieces>
std::string joined(const Pieces&... pieces) {
  std::string text;
  (text.append(pieces), ...);
  return text;
}

std::string with_dot(std::string_view prefix) {
  if (prefix.ends_with('.')) prefix.remove_suffix(1);
  return prefix.empty() ? "" : joined(prefix, ".");
}

class Reader {
 public:
  Reader(const Safetensors& file, std::string_view prefix)
      : file_(file), prefix_(with_dot(prefix)) {}

  Result<LoadedBlock> read(const BlockTraits& traits) {
    if (!has("conv1.weight")) return no_block();
    LoadedBlock block{.conv1 = {}, .conv2 = {}, .conv3 = {}, .downsample = {}, .traits = traits};
    if (has("conv3.weight")) block.conv3.emplace();
    if (begins_any("downsample.")) block.downsample.emplace();
    for (auto step : {&Reader::check_names, &Reader::read_shapes, &Reader::check_chain,
                      &Reader::check_shortcut, &Reader::read_values}) {
      if (Status status = (this->*step)(block); !status) return status;
    }
    return block;
  }

 private:
  template <class Visit>
  static Status for_each_layer(LoadedBlock& block, Visit visit) {
    const int outer = block.is_bottleneck() ? 1 : 3;
    const std::pair<LayerName, LoadedLayer*> layers[] = {
        {{"conv1", "bn1", outer}, &block.conv1},
        {{"conv2", "bn2", 3}, &block.conv2},
        {{"conv3", "bn3", 1}, block.conv3 ? &*block.conv3 : nullptr},
        {{"downsample.0", "downsample.1", 1}, block.downsample ? &*block.downsample : nullptr}};
    for (const auto& [name, layer] : layers) {
      if (layer == nullptr) continue;
      if (Status status = visit(name, *layer); !status) return status;
    }
    return {};
  }

  // A tensor that has no place in the block would be left out of it without a word.
  Status check_names(LoadedBlock& block) {
    std::vector<std::string> known;
    (void)for_each_layer(block, [&](const LayerName& name, const LoadedLayer&) {
      for (const std::string_view of_conv : {".weight", ".bias"}) {
        known.push_back(joined(prefix_, name.conv, of_conv));
      }
      for (const auto& [suffix, field] : kBatchNormVectors) {
        known.push_back(joined(prefix_, name.batch_norm, suffix));
      }
      known.push_back(joined(prefix_, name.batch_norm, ".num_batches_tracked"));
      return Status();
    });
    for (const TensorInfo& info : file_.tensors()) {
      if (!info.name.starts_with(prefix_)) continue;
      if (std::find(known.begin(), known.end(), info.name) != known.end()) continue;
      return error(ErrorCode::unsupported,
                   joined("tensor ", printable(info.name), " has no place in a ", kind(block),
                          "; give the prefix of a block of torchvision's ResNets"));
    }
    return {};
  }

  Status read_shapes(LoadedBlock& block) {
    return for_each_layer(block, [&](const LayerName& name, LoadedLayer& layer) -> Status {
      const std::string weight = joined(prefix_, name.conv, ".weight");
      const TensorInfo* info = file_.find(weight);
      if (info == nullptr) return missing(weight);
      const auto filter = static_cast<std::uint64_t>(name.filter);
      const std::vector<std::uint64_t>& shape = info->shape;
      const auto usable = [](std::uint64_t size) {
        return size >= 1 && size <= std::uint64_t{std::numeric_limits<int>::max()};
      };
      if (shape.size() != 4 || !usable(shape[0]) || !usable(shape[1]) || shape[2] != filter ||
          shape[3] != filter) {
        const std::string size = std::to_string(filter);
        return misshapen(*info,
                         joined("[k, c / groups, ", size, ", ", size, "], as in a ", kind(block)));
      }
      layer.k = static_cast<int>(shape[0]);
      layer.c_per_group = static_cast<int>(shape[1]);
      layer.filter = name.filter;
      const std::string bias = joined(prefix_, name.conv, ".bias");
      if (file_.find(bias) != nullptr) {
        if (Status status = check_vector(bias, layer.k); !status) return status;
      }
      for (const auto& [suffix, field] : kBatchNormVectors) {
        Status status = check_vector(joined(prefix_, name.batch_norm, suffix), layer.k);
        if (!status) return status;
      }
      return {};
    });
  }

  Status check_chain(LoadedBlock& block) {
    const int width = block.conv1.k;
    if (!block.is_bottleneck()) return check_input("conv2", block.conv2, width);
    // conv2 may have groups: its channels in a group divide those of conv1.
    if (width % block.conv2.c_per_group != 0) return check_input("conv2", block.conv2, width);
    block.groups = width / block.conv2.c_per_group;
    if (block.conv2.k % block.groups != 0) {
      const std::string groups = std::to_string(block.groups);
      return misshapen(
          *file_.find(joined(prefix_, "conv2.weight")),
          joined("a multiple of ", groups, " output channels for its ", groups, " groups"));
    }
    return check_input("conv3", *block.conv3, block.conv2.k);
  }

  Status check_shortcut(LoadedBlock& block) {
    if (block.downsample) {
      if (Status status = check_input("downsample.0", *block.downsample, block.c()); !status) {
        return status;
      }
      if (block.downsample->k == block.k()) return {};
      return misshapen(
          *file_.find(joined(prefix_, "downsample.0.weight")),
          joined("[", std::to_string(block.k()), ", ", std::to_string(block.c()),
                 ", 1, 1], to be added to the block's ", std::to_string(block.k()), " channels"));
    }
    if (block.c() == block.k() && block.traits.stride == 1) return {};
    return error(ErrorCode::invalid_argument,
                 joined("tensor ", printable(joined(prefix_, "downsample.0.weight")),
                        " is missing; a block of stride ", std::to_string(block.traits.stride),
                        " from ", std::to_string(block.c()), " to ", std::to_string(block.k()),
                        " channels needs one of shape [", std::to_string(block.k()), ", ",
                        std::to_string(block.c()), ", 1, 1]"));
  }

  Status read_values(LoadedBlock& block) {
    return for_each_layer(block, [&](const LayerName& name, LoadedLayer& layer) -> Status {
      const auto take = [&](const std::string& tensor, std::vector<float>& to) -> Status {
        Result<std::vector<float>> values = file_.values(tensor);
        if (!values) return values.status();
        to = std::move(*values);
        return {};
      };
      Status status = take(joined(prefix_, name.conv, ".weight"), layer.weight);
      if (!status) return status;
      const std::string bias = joined(prefix_, name.conv, ".bias");
      if (file_.find(bias) != nullptr) {
        if (status = take(bias, layer.bias); !status) return status;
      }
      for (const auto& [suffix, field] : kBatchNormVectors) {
        status = take(joined(prefix_, name.batch_norm, suffix), layer.*field);
        if (!status) return status;
      }
      return {};
    });
  }

  Status check_vector(const std::string& name, int k) const {
    const TensorInfo* info = file_.find(name);
    if (info == nullptr) return missing(name);
    if (info->shape == std::vector{static_cast<std::uint64_t>(k)}) return {};
    return misshapen(*info, joined("[", std::to_string(k), "], one for each output channel"));
  }

  Status check_input(std::string_view conv, const LoadedLayer& layer, int c) const {
    if (layer.c_per_group == c) return {};
    const TensorInfo& info = *file_.find(joined(prefix_, conv, ".weight"));
    // Fewer channels that divide c are groups, where foldconv's blocks have none.
    const bool groups = c % layer.c_per_group == 0;
    return misshapen(info,
                     joined("[", std::to_string(layer.k), ", ", std::to_string(c), ", ",
                            std::to_string(layer.filter), ", ", std::to_string(layer.filter),
                            "], as its input has ", std::to_string(c), " channels",
                            groups ? " and blocks have groups in a bottleneck's conv2 only" : ""),
                     groups ? ErrorCode::unsupported : ErrorCode::invalid_argument);
  }

  bool has(std::string_view name) const { return file_.find(joined(prefix_, name)) != nullptr; }

  bool begins_any(std::string_view start) const {
    const std::string name = joined(prefix_, start);
    return std::any_of(file_.tensors().begin(), file_.tensors().end(),
                       [&](const TensorInfo& info) { return info.name.starts_with(name); });
  }

  static std::string_view kind(const LoadedBlock& block) {
    return block.is_bottleneck() ? "bottleneck" : "basic block (there is no conv3.weight)";
  }

  Status error(ErrorCode code, const std::string& what) const {
    return {code, joined(file_.file(), ": ", what)};
  }

  Status missing(const std::string& name) const {
    return error(ErrorCode::invalid_argument,
                 joined("tensor ", printable(name),
                        " is missing; give the prefix of a whole block, or "
                        "a file with all of its tensors"));
  }

  Status misshapen(const TensorInfo& info, const std::string& wanted,
                   ErrorCode code = ErrorCode::invalid_argument) const {
    return error(code, joined("tensor ", printable(info.name), " has shape ", to_string(info.shape),
                              "; wanted is ", wanted));
  }

  Status no_block() const {
    constexpr std::string_view kFirst = "conv1.weight";
    std::string shown;
    std::size_t count = 0;
    for (const TensorInfo& info : file_.tensors()) {
      if (!info.name.ends_with(kFirst)) continue;
      const std::string start = info.name.substr(0, info.name.size() - kFirst.size());
      // The stem of a network is a conv1 without a conv2.
      if (!(start.empty() || start.ends_with('.')) ||
          file_.find(joined(start, "conv2.weight")) == nullptr) {
        continue;
      }
      if (count++ >= kPrefixesShown) continue;
      shown += joined(shown.empty() ? "" : ", ", printable(std::string_view(start).substr(
                                                     0, start.empty() ? 0 : start.size() - 1)));
    }
    if (count > kPrefixesShown) shown += joined(", ... (", std::to_string(count), " in all)");
    return error(ErrorCode::invalid_argument,
                 joined("tensor ", printable(joined(prefix_, kFirst)), " is missing; ",
                        count == 0 ? "there is no block (conv1.weight beside conv2.weight) in it"
                                   : "give the prefix of a block: ",
                        shown));
  }

  const Safetensors& file_;
  std::string prefix_;  // with its dot
};

BlockLayer view(const LoadedLayer& layer, Epsilon eps) {
  return {.conv = {.values = layer.weight,
                   .k = layer.k,
                   .c_per_group = layer.c_per_group,
                   .r = layer.filter,
                   .s = layer.filter,
                   .bias = layer.bias},
          .batch_norm = BatchNorm{.gamma = layer.gamma,
                                  .beta = layer.beta,
                                  .mean = layer.mean,
                                  .variance = layer.variance,
                                  .eps = eps}};
}

std::optional<BlockLayer> view(const std::optional<LoadedLayer>& layer, Epsilon eps) {
  if (!layer) return std::nullopt;
  return view(*layer, eps);
}

}  // namespace

BottleneckWeights LoadedBlock::bottleneck() const {
  assert(is_bottleneck());
  return {.conv1 = view(conv1, traits.eps),
          .conv2 = view(conv2, traits.eps),
          .conv3 = view(*conv3, traits.eps),
          .downsample = view(downsample, traits.eps),
          .stride = traits.stride,
          .stride_at = traits.stride_at,
          .groups = groups};
}

BasicBlockWeights LoadedBlock::basic_block() const {
  assert(!is_bottleneck());
  return {.conv1 = view(conv1, traits.eps),
          .conv2 = view(conv2, traits.eps),
          .downsample = view(downsample, traits.eps),
          .stride = traits.stride};
}

Result<LoadedBlock> load_block(const Safetensors& file, std::string_view prefix,
                               const BlockTraits& traits) {
  return Reader(file, prefix).read(traits);
}

}  // namespace foldconv::tool
