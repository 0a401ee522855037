// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "foldconv/models.hpp"
#include "models/resnet_names.hpp"

namespace foldconv::models {
namespace {

using host::invalid;
using host::text;
using safetensors::printable;
using safetensors::StateDict;
using safetensors::TensorInfo;

constexpr int kStages = 4;

// What a block is made of, by the file.
struct BlockPlace {
  int stage, index;  // from 1, from 0
  bool bottleneck;

  int stride() const { return stage > 1 && index == 0 ? 2 : 1; }
  std::string name() const { return text("layer", stage, '.', index); }
};

// Adds the network to a graph, tensor by tensor. What goes wrong first is the status.
class ResNetBuilder {
 public:
  ResNetBuilder(const StateDict& weights, const ResNetOptions& options, host::ResNetNames names)
      : weights_(weights), options_(options), names_(std::move(names)) {}

  Result<Graph> build() {
    check_family();
    Value x = stem();
    for (int stage = 1; stage <= kStages; ++stage) {
      // A block of which anything is there is read: what it lacks is then told by name.
      for (int index = 0; index == 0 || has_under(names_.block(stage, index)); ++index) {
        x = block(x, {stage, index,
                      has_under(names_.conv(stage, index, 3) + '.') ||
                          has_under(names_.norm(stage, index, 3) + '.')});
        refuse(graph_.status());
        if (!status_.ok()) return status_;
      }
    }
    head(x);
    refuse(graph_.status());
    check_places();
    if (!status_.ok()) return status_;
    return graph_;
  }

 private:
  void refuse(const Status& status) {
    if (status_.ok() && !status.ok()) status_ = host::at(weights_.source(), status);
  }

  // Networks of another family that have the same names elsewhere.
  void check_family() {
    const auto refused = [&](const std::string& tensor, const char* what) {
      refuse(host::error(ErrorCode::unsupported, text("tensor ", printable(tensor), " belongs to"),
                         what, "give a ResNet without it"));
    };
    const std::string deep_stem = names_.stem_conv() + ".0.weight";
    if (weights_.contains(deep_stem)) {
      refused(deep_stem, "a stem of several convolutions, as ResNet-C and D have it");
    }
    for (int stage = 1; stage <= kStages; ++stage) {
      const TensorInfo* norm = weights_.find(names_.shortcut_norm(stage, 0) + ".weight");
      const bool has_conv = weights_.contains(names_.shortcut_conv(stage, 0) + ".weight");
      if (norm != nullptr && norm->extents.size() == 4 && !has_conv) {
        refused(norm->name, "a shortcut with a pooling, as ResNet-D has it");
      }
    }
    const std::string gate = names_.block(1, 0) + "se.fc1.weight";
    if (weights_.contains(gate)) refused(gate, "a squeeze-excite layer, as SE-ResNet has it");
  }

  // Whether any tensor's name begins so.
  bool has_under(const std::string& prefix) const {
    const auto& tensors = weights_.tensors();
    const auto first = std::ranges::lower_bound(tensors, prefix, {}, &TensorInfo::name);
    return first != tensors.end() && first->name.starts_with(prefix);
  }

  // A tensor of this shape, of which kOpen is any.
  Constant take(const std::string& name, const Extents& wanted, const char* why) {
    if (!status_.ok()) return {};
    const TensorInfo* info = weights_.find(name);
    if (info == nullptr) {
      refuse(invalid("a tensor is missing", printable(name),
                     text("a ResNet by the names of ", names_.naming->whose,
                          " has it: give a file with all of its tensors")));
      return {};
    }
    const auto fits = [](std::int64_t has, std::int64_t want) {
      return want == kOpen ? has > 0 : has == want;
    };
    if (!std::ranges::equal(info->extents, wanted, fits)) {
      refuse(invalid(text("tensor ", printable(name), " has shape"), to_string(info->extents),
                     text("wanted is ", to_string(wanted), ", ", why)));
      return {};
    }
    Result<Constant> values = weights_.tensor(name);
    if (!values.ok()) {
      status_ = values.status();  // it names the file
      return {};
    }
    placed_.insert(name);
    return *std::move(values);
  }

  Constant take_if_there(const std::string& name, const Extents& wanted, const char* why) {
    return weights_.contains(name) ? take(name, wanted, why) : Constant();
  }

  // A convolution and the BatchNorm behind it, whose tensors in the graph are called as in torchvision.
  struct Layer {
    std::string conv, norm;            // in the file
    std::string conv_name, norm_name;  // in the graph
    int filter, stride;
    std::int64_t k = kOpen;
    bool may_have_groups = false;
  };
  Value layer(Value x, const Layer& of) {
    if (!status_.ok()) return {};
    const std::int64_t c = channels_of(x);
    const std::string weights_name = of.conv + ".weight";
    const int groups = groups_of(weights_name, c, of);
    const Constant weights =
        take(weights_name, {of.k, c == kOpen ? kOpen : c / groups, of.filter, of.filter},
             "to fit the other convolutions of a ResNet");
    if (!status_.ok()) return {};
    const Extents per_channel = {weights.extents()[0]};
    constexpr const char* kWhy = "one for each output channel";
    const ConvNode conv = {.weights = weights,
                           .bias = take_if_there(of.conv + ".bias", per_channel, kWhy),
                           .stride = {of.stride, of.stride},
                           .pad = Padding::same((of.filter - 1) / 2),
                           .groups = groups};
    const BatchNormNode norm = {.gamma = take(of.norm + ".weight", per_channel, kWhy),
                                .beta = take(of.norm + ".bias", per_channel, kWhy),
                                .mean = take(of.norm + ".running_mean", per_channel, kWhy),
                                .variance = take(of.norm + ".running_var", per_channel, kWhy),
                                .eps = options_.eps};
    if (!status_.ok()) return {};
    return graph_.batch_norm(graph_.conv(x, conv, of.conv_name), norm, of.norm_name);
  }

  // By the channels that the weights read of c.
  int groups_of(const std::string& weights_name, std::int64_t c, const Layer& of) const {
    const TensorInfo* info = weights_.find(weights_name);
    if (!of.may_have_groups || info == nullptr || info->extents.size() != 4) return 1;
    const std::int64_t read = info->extents[1];
    return read > 0 && c > 0 && c % read == 0 ? static_cast<int>(c / read) : 1;
  }

  Value stem() {
    const std::string weights_name = names_.stem_conv() + ".weight";
    // The image has the channels that the first convolution reads.
    const Constant weights =
        take(weights_name, {kOpen, kOpen, 7, 7}, "a ResNet's first convolution");
    if (!status_.ok()) return {};
    Value x = graph_.input("image", {kOpen, weights.extents()[1], kOpen, kOpen});
    x = layer(x, {names_.stem_conv(), names_.stem_norm(), "conv1", "bn1", 7, 2});
    x = graph_.activate(x, Activation::relu, "relu");
    return graph_.pool(
        x, {.kind = PoolKind::max, .window = {3, 3}, .stride = {2, 2}, .pad = Padding::same(1)},
        "maxpool");
  }

  Layer layer_of(const BlockPlace& place, int conv, int filter, int stride) const {
    return {names_.conv(place.stage, place.index, conv),
            names_.norm(place.stage, place.index, conv),
            text(place.name(), ".conv", conv),
            text(place.name(), ".bn", conv),
            filter,
            stride};
  }

  Value block(Value x, const BlockPlace& place) {
    const bool stride_first = place.bottleneck && options_.stride_at == StrideAt::conv1;
    const int convs = place.bottleneck ? 3 : 2;
    Value y = x;
    for (int conv = 1; conv <= convs; ++conv) {
      const bool strided = place.bottleneck && !stride_first ? conv == 2 : conv == 1;
      const int filter = place.bottleneck && conv != 2 ? 1 : 3;
      Layer of = layer_of(place, conv, filter, strided ? place.stride() : 1);
      if (place.bottleneck && conv == 2) {
        of.may_have_groups = true;
        of.k = channels_of(y);
      }
      y = layer(y, of);
      if (conv < convs) {
        y = graph_.activate(y, Activation::relu, text(place.name(), ".relu", conv));
      }
    }
    if (!status_.ok()) return {};
    const Value shortcut = shortcut_of(x, y, place);
    if (!status_.ok()) return {};
    const Value sum = graph_.add(y, shortcut, place.name() + ".add");
    return graph_.activate(sum, Activation::relu, place.name());
  }

  std::int64_t channels_of(Value x) const {
    const Extents extents = graph_.extents(x);
    return extents.size() == 4 ? extents[1] : kOpen;
  }

  // Of a block from x to y: x itself, or what a convolution makes of it.
  Value shortcut_of(Value x, Value y, const BlockPlace& place) {
    const std::string conv = names_.shortcut_conv(place.stage, place.index);
    const bool needed = place.stride() != 1 || channels_of(x) != channels_of(y);
    if (!needed && !weights_.contains(conv + ".weight")) return x;
    return layer(
        x, {conv, names_.shortcut_norm(place.stage, place.index), place.name() + ".downsample.0",
            place.name() + ".downsample.1", 1, place.stride(), channels_of(y)});
  }

  void head(Value x) {
    const std::string name = names_.head();
    const Constant weights =
        take(name + ".weight", {kOpen, channels_of(x)}, "[classes, channels of the last block]");
    if (!status_.ok()) return;
    const Constant bias =
        take_if_there(name + ".bias", {weights.extents()[0]}, "one for each class");
    x = graph_.global_pool(x, PoolKind::average, "avgpool");
    x = graph_.linear(graph_.flatten(x, 1, "flatten"), {.weights = weights, .bias = bias}, "fc");
    graph_.output(x, "logits");
  }

  // A tensor that has no place in the network would be left out of it without a word.
  void check_places() {
    for (const TensorInfo& info : weights_.tensors()) {
      const bool ours = options_.prefix.empty() || info.name.starts_with(names_.prefix);
      if (!ours || placed_.contains(info.name) || info.name.ends_with(".num_batches_tracked")) {
        continue;
      }
      refuse(host::error(ErrorCode::unsupported, "a tensor has no place in a ResNet",
                         printable(info.name), "give a network that is nothing else"));
    }
  }

  const StateDict& weights_;
  const ResNetOptions& options_;
  host::ResNetNames names_;
  Graph graph_;
  std::set<std::string, std::less<>> placed_;
  Status status_;
};

}  // namespace

Result<Graph> resnet(const StateDict& weights, const ResNetOptions& options) {
  return host::guarded([&]() -> Result<Graph> {
    Result<host::ResNetNames> names = host::find_resnet(weights, options.prefix);
    if (!names.ok()) return host::at(weights.source(), names.status());
    return ResNetBuilder(weights, options, *std::move(names)).build();
  });
}

}  // namespace foldconv::models
