#include "weights/block_weights.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "harness/error.hpp"
#include "weights/printable.hpp"

namespace foldconv::tool {
namespace {

using harness::Problem;

constexpr std::size_t kPrefixesShown = 8;

// The names of a layer's tensors behind the block's prefix, and the filter it has there.
struct LayerName {
  std::string_view conv, batch_norm;
  int filter;
};

// A convolution and its BatchNorm, in memory of their own.
struct LoadedLayer {
  std::vector<float> weight, bias;  // bias: empty where there is none
  std::vector<float> gamma, beta, mean, variance;
};

using VectorField = std::vector<float> LoadedLayer::*;
constexpr std::pair<std::string_view, VectorField> kBatchNormVectors[] = {
    {".weight", &LoadedLayer::gamma},
    {".bias", &LoadedLayer::beta},
    {".running_mean", &LoadedLayer::mean},
    {".running_var", &LoadedLayer::variance}};

// Its widths, as the tensors say.
struct LayerShape {
  LayerName name;
  int k = 0, c_per_group = 0;
};

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

  Problem read(const BlockTraits& traits, Extent size) {
    if (!has("conv1.weight")) no_block();
    bottleneck_ = has("conv3.weight");
    layers_ = {{{"conv1", "bn1", bottleneck_ ? 1 : 3}}, {{"conv2", "bn2", 3}}};
    if (bottleneck_) layers_.push_back({{"conv3", "bn3", 1}});
    if (begins_any("downsample.")) shortcut_ = {{"downsample.0", "downsample.1", 1}};
    check_names();
    for_each_layer([&](LayerShape& layer) { read_shape(layer); });
    const int groups = check_chain();
    check_shortcut(traits.stride);

    Problem problem;
    problem.blocks = true;
    problem.lines = {harness::make_line({.c = c(),
                                         .middle = bottleneck_ ? layers_.front().k : 0,
                                         .k = k(),
                                         .stride = traits.stride,
                                         .stride_at = traits.stride_at,
                                         .groups = groups,
                                         .projection = shortcut_.has_value()},
                                        {1, size.h, size.w, c()})};
    read_values(traits.eps, problem);
    return problem;
  }

 private:
  int c() const { return layers_.front().c_per_group; }  // channels of the block's input
  int k() const { return layers_.back().k; }             // and output

  template <class Visit>
  void for_each_layer(Visit visit) {
    for (LayerShape& layer : layers_) visit(layer);
    if (shortcut_) visit(*shortcut_);
  }

  // A tensor that has no place in the block would be left out of it without a word.
  void check_names() {
    std::vector<std::string> known;
    for_each_layer([&](const LayerShape& layer) {
      for (const std::string_view of_conv : {".weight", ".bias"}) {
        known.push_back(joined(prefix_, layer.name.conv, of_conv));
      }
      for (const auto& [suffix, field] : kBatchNormVectors) {
        known.push_back(joined(prefix_, layer.name.batch_norm, suffix));
      }
      known.push_back(joined(prefix_, layer.name.batch_norm, ".num_batches_tracked"));
    });
    for (const TensorInfo& info : file_.tensors()) {
      if (!info.name.starts_with(prefix_)) continue;
      if (std::find(known.begin(), known.end(), info.name) != known.end()) continue;
      error(ErrorCode::unsupported,
            joined("tensor ", printable(info.name), " has no place in a ", kind(),
                   "; give the prefix of a block of torchvision's ResNets"));
    }
  }

  void read_shape(LayerShape& layer) const {
    const std::string weight = joined(prefix_, layer.name.conv, ".weight");
    const TensorInfo* info = file_.find(weight);
    if (info == nullptr) missing(weight);
    const auto filter = static_cast<std::uint64_t>(layer.name.filter);
    const std::vector<std::uint64_t>& shape = info->shape;
    const auto usable = [](std::uint64_t size) {
      return size >= 1 && size <= std::uint64_t{std::numeric_limits<int>::max()};
    };
    if (shape.size() != 4 || !usable(shape[0]) || !usable(shape[1]) || shape[2] != filter ||
        shape[3] != filter) {
      const std::string size = std::to_string(filter);
      misshapen(*info, joined("[k, c / groups, ", size, ", ", size, "], as in a ", kind()));
    }
    layer.k = static_cast<int>(shape[0]);
    layer.c_per_group = static_cast<int>(shape[1]);
    const std::string bias = joined(prefix_, layer.name.conv, ".bias");
    if (file_.find(bias) != nullptr) check_vector(bias, layer.k);
    for (const auto& [suffix, field] : kBatchNormVectors) {
      check_vector(joined(prefix_, layer.name.batch_norm, suffix), layer.k);
    }
  }

  // Returns the groups of conv2: its channels in a group divide those of conv1.
  int check_chain() const {
    const LayerShape &first = layers_[0], &second = layers_[1];
    const int width = first.k;
    if (!bottleneck_ || width % second.c_per_group != 0) {
      check_input(second, width);
      return 1;
    }
    const int groups = width / second.c_per_group;
    if (second.k % groups != 0) {
      const std::string count = std::to_string(groups);
      misshapen(*file_.find(joined(prefix_, "conv2.weight")),
                joined("a multiple of ", count, " output channels for its ", count, " groups"));
    }
    check_input(layers_[2], second.k);
    return groups;
  }

  void check_shortcut(int stride) const {
    if (shortcut_) {
      check_input(*shortcut_, c());
      if (shortcut_->k == k()) return;
      misshapen(*file_.find(joined(prefix_, "downsample.0.weight")),
                joined("[", std::to_string(k()), ", ", std::to_string(c()),
                       ", 1, 1], to be added to the block's ", std::to_string(k()), " channels"));
    }
    if (c() == k() && stride == 1) return;
    error(ErrorCode::invalid_argument,
          joined("tensor ", printable(joined(prefix_, "downsample.0.weight")),
                 " is missing; a block of stride ", std::to_string(stride), " from ",
                 std::to_string(c()), " to ", std::to_string(k()), " channels needs one of shape [",
                 std::to_string(k()), ", ", std::to_string(c()), ", 1, 1]"));
  }

  void read_values(Epsilon eps, Problem& problem) {
    const auto storage = std::make_shared<std::deque<LoadedLayer>>();
    const std::vector<harness::LineConv*> convs = problem.convs();
    std::size_t at = 0;
    for_each_layer([&](const LayerShape& shape) {
      LoadedLayer& layer = storage->emplace_back();
      layer.weight = values(joined(prefix_, shape.name.conv, ".weight"));
      const std::string bias = joined(prefix_, shape.name.conv, ".bias");
      if (file_.find(bias) != nullptr) layer.bias = values(bias);
      for (const auto& [suffix, field] : kBatchNormVectors) {
        layer.*field = values(joined(prefix_, shape.name.batch_norm, suffix));
      }
      harness::LineConv& conv = *convs[at++];
      conv.weights.values = layer.weight;
      conv.weights.bias = layer.bias;
      conv.batch_norm = BatchNorm{.gamma = layer.gamma,
                                  .beta = layer.beta,
                                  .mean = layer.mean,
                                  .variance = layer.variance,
                                  .eps = eps};
    });
    problem.storage = storage;
  }

  std::vector<float> values(const std::string& tensor) const {
    return harness::value_of(file_.values(tensor));
  }

  void check_vector(const std::string& name, int size) const {
    const TensorInfo* info = file_.find(name);
    if (info == nullptr) missing(name);
    if (info->shape == std::vector{static_cast<std::uint64_t>(size)}) return;
    misshapen(*info, joined("[", std::to_string(size), "], one for each output channel"));
  }

  void check_input(const LayerShape& layer, int channels) const {
    if (layer.c_per_group == channels) return;
    const TensorInfo& info = *file_.find(joined(prefix_, layer.name.conv, ".weight"));
    // Fewer channels that divide c are groups, where foldconv's blocks have none.
    const bool groups = channels % layer.c_per_group == 0;
    const std::string filter = std::to_string(layer.name.filter);
    misshapen(info,
              joined("[", std::to_string(layer.k), ", ", std::to_string(channels), ", ", filter,
                     ", ", filter, "], as its input has ", std::to_string(channels), " channels",
                     groups ? " and blocks have groups in a bottleneck's conv2 only" : ""),
              groups ? ErrorCode::unsupported : ErrorCode::invalid_argument);
  }

  bool has(std::string_view name) const { return file_.find(joined(prefix_, name)) != nullptr; }

  bool begins_any(std::string_view start) const {
    const std::string name = joined(prefix_, start);
    return std::any_of(file_.tensors().begin(), file_.tensors().end(),
                       [&](const TensorInfo& info) { return info.name.starts_with(name); });
  }

  std::string_view kind() const {
    return bottleneck_ ? "bottleneck" : "basic block (there is no conv3.weight)";
  }

  [[noreturn]] void error(ErrorCode code, const std::string& what) const {
    throw harness::Error(code, joined(file_.file(), ": ", what));
  }

  [[noreturn]] void missing(const std::string& name) const {
    error(ErrorCode::invalid_argument, joined("tensor ", printable(name),
                                              " is missing; give the prefix of a whole block, or "
                                              "a file with all of its tensors"));
  }

  [[noreturn]] void misshapen(const TensorInfo& info, const std::string& wanted,
                              ErrorCode code = ErrorCode::invalid_argument) const {
    error(code, joined("tensor ", printable(info.name), " has shape ", to_string(info.shape),
                       "; wanted is ", wanted));
  }

  [[noreturn]] void no_block() const {
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
    error(ErrorCode::invalid_argument,
          joined("tensor ", printable(joined(prefix_, kFirst)), " is missing; ",
                 count == 0 ? "there is no block (conv1.weight beside conv2.weight) in it"
                            : "give the prefix of a block: ",
                 shown));
  }

  const Safetensors& file_;
  std::string prefix_;  // with its dot
  bool bottleneck_ = false;
  std::vector<LayerShape> layers_;
  std::optional<LayerShape> shortcut_;
};

}  // namespace

harness::Problem load_block(const Safetensors& file, std::string_view prefix,
                            const BlockTraits& traits, Extent size) {
  Problem problem = Reader(file, prefix).read(traits, size);
  problem.name = problem.label = prefix;
  return problem;
}

std::vector<harness::Problem> read_weights(const std::filesystem::path& path,
                                           const std::vector<std::string>& prefixes,
                                           const BlockTraits& traits, Extent size) {
  const Safetensors file = harness::value_of(read_safetensors(path));
  std::vector<Problem> blocks;
  for (const std::string& prefix : prefixes) {
    blocks.push_back(load_block(file, prefix, traits, size));
  }
  if (!blocks.empty()) return blocks;
  blocks.push_back(load_block(file, "", traits, size));
  blocks.back().name = blocks.back().label = path.stem().string();
  return blocks;
}

}  // namespace foldconv::tool
