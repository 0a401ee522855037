// SPDX-License-Identifier: MIT
#include "weights/block_weights.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "harness/safetensors/messages.hpp"

namespace foldconv::tool {
namespace {

using harness::printable;
using harness::Problem;
using harness::Safetensors;
using harness::TensorInfo;
using std::to_string;

constexpr std::size_t kPrefixesShown = 8;
constexpr std::string_view kFirst = "conv1.weight";
// Of a BatchNorm: gamma, beta, mean, variance.
constexpr const char* kVectors[] = {".weight", ".bias", ".running_mean", ".running_var"};

// A convolution and the BatchNorm behind it.
struct Layer {
  std::string conv, batch_norm;  // what their tensors' names begin with
  int filter = 1;
  int k = 0, c_per_group = 0;  // as the tensors say

  std::string weight() const { return conv + ".weight"; }
  std::string bias() const { return conv + ".bias"; }
};

class Reader {
 public:
  Reader(const Safetensors& file, std::string_view prefix) : file_(file), prefix_(prefix) {
    if (prefix_.ends_with('.')) prefix_.pop_back();
    if (!prefix_.empty()) prefix_ += '.';
  }

  Problem read(const BlockTraits& traits, Extent size) {
    if (file_.find(prefix_ + std::string(kFirst)) == nullptr) no_block();
    bottleneck_ = file_.find(prefix_ + "conv3.weight") != nullptr;
    layers_ = {layer("conv1", "bn1", bottleneck_ ? 1 : 3), layer("conv2", "bn2", 3)};
    if (bottleneck_) layers_.push_back(layer("conv3", "bn3", 1));
    if (std::ranges::any_of(file_.tensors(), [&](const TensorInfo& info) {
          return info.name.starts_with(prefix_ + "downsample.");
        })) {
      shortcut_ = layer("downsample.0", "downsample.1", 1);
    }
    check_names();
    for_each_layer([&](Layer& layer) { read_shape(layer); });
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

  Layer layer(const char* conv, const char* batch_norm, int filter) const {
    return {.conv = prefix_ + conv, .batch_norm = prefix_ + batch_norm, .filter = filter};
  }

  template <class Visit>
  void for_each_layer(Visit visit) {
    for (Layer& layer : layers_) visit(layer);
    if (shortcut_) visit(*shortcut_);
  }

  // A tensor that has no place in the block would be left out of it without a word.
  void check_names() {
    std::vector<std::string> known;
    for_each_layer([&](const Layer& layer) {
      known.insert(known.end(), {layer.weight(), layer.bias()});
      for (const char* suffix : kVectors) known.push_back(layer.batch_norm + suffix);
      known.push_back(layer.batch_norm + ".num_batches_tracked");
    });
    for (const TensorInfo& info : file_.tensors()) {
      if (!info.name.starts_with(prefix_) || std::ranges::count(known, info.name) > 0) continue;
      fail("tensor " + printable(info.name) + " has no place in a " + kind() +
               "; give the prefix of a block of torchvision's ResNets",
           ErrorCode::unsupported);
    }
  }

  void read_shape(Layer& layer) const {
    const TensorInfo& info = at(layer.weight());
    const auto filter = static_cast<std::uint64_t>(layer.filter);
    const std::vector<std::uint64_t>& shape = info.shape;
    const auto usable = [](std::uint64_t size) {
      return size >= 1 && size <= std::uint64_t{std::numeric_limits<int>::max()};
    };
    if (shape.size() != 4 || !usable(shape[0]) || !usable(shape[1]) || shape[2] != filter ||
        shape[3] != filter) {
      const std::string size = to_string(filter);
      misshapen(info, "[k, c / groups, " + size + ", " + size + "], as in a " + kind());
    }
    layer.k = static_cast<int>(shape[0]);
    layer.c_per_group = static_cast<int>(shape[1]);
    if (file_.find(layer.bias()) != nullptr) check_vector(layer.bias(), layer.k);
    for (const char* suffix : kVectors) check_vector(layer.batch_norm + suffix, layer.k);
  }

  void check_vector(const std::string& name, int size) const {
    const TensorInfo& info = at(name);
    if (info.shape == std::vector{static_cast<std::uint64_t>(size)}) return;
    misshapen(info, "[" + to_string(size) + "], one for each output channel");
  }

  // Returns the groups of conv2: its channels in a group divide those of conv1.
  int check_chain() const {
    const Layer &first = layers_[0], &second = layers_[1];
    if (!bottleneck_ || first.k % second.c_per_group != 0) {
      check_input(second, first.k);
      return 1;
    }
    const int groups = first.k / second.c_per_group;
    if (second.k % groups != 0) {
      const std::string count = to_string(groups);
      misshapen(at(second.weight()),
                "a multiple of " + count + " output channels for its " + count + " groups");
    }
    check_input(layers_[2], second.k);
    return groups;
  }

  void check_input(const Layer& layer, int channels) const {
    if (layer.c_per_group == channels) return;
    // Fewer channels that divide c are groups, where foldconv's blocks have none.
    const bool groups = channels % layer.c_per_group == 0;
    const std::string filter = to_string(layer.filter);
    misshapen(at(layer.weight()),
              "[" + to_string(layer.k) + ", " + to_string(channels) + ", " + filter + ", " +
                  filter + "], as its input has " + to_string(channels) + " channels" +
                  (groups ? " and blocks have groups in a bottleneck's conv2 only" : ""),
              groups ? ErrorCode::unsupported : ErrorCode::invalid_argument);
  }

  void check_shortcut(int stride) const {
    const std::string wanted = "[" + to_string(k()) + ", " + to_string(c()) + ", 1, 1]";
    if (shortcut_) {
      check_input(*shortcut_, c());
      if (shortcut_->k == k()) return;
      misshapen(at(shortcut_->weight()),
                wanted + ", to be added to the block's " + to_string(k()) + " channels");
    }
    if (c() == k() && stride == 1) return;
    fail("tensor " + printable(prefix_ + "downsample.0.weight") +
         " is missing; a block of stride " + to_string(stride) + " from " + to_string(c()) +
         " to " + to_string(k()) + " channels needs one of shape " + wanted);
  }

  void read_values(Epsilon eps, Problem& problem) {
    const auto storage = std::make_shared<std::deque<std::vector<float>>>();
    const auto take = [&](const std::string& name) -> std::span<const float> {
      return storage->emplace_back(file_.values(name));
    };
    const std::vector<harness::LineConv*> convs = problem.convs();
    std::size_t next = 0;
    for_each_layer([&](const Layer& layer) {
      harness::LineConv& conv = *convs[next++];
      conv.weights.values = take(layer.weight());
      if (file_.find(layer.bias()) != nullptr) conv.weights.bias = take(layer.bias());
      const std::string& name = layer.batch_norm;
      conv.batch_norm = BatchNorm{.gamma = take(name + kVectors[0]),
                                  .beta = take(name + kVectors[1]),
                                  .mean = take(name + kVectors[2]),
                                  .variance = take(name + kVectors[3]),
                                  .eps = eps};
    });
    problem.storage = storage;
  }

  // The tensor, which the block must have.
  const TensorInfo& at(const std::string& name) const {
    if (const TensorInfo* info = file_.find(name)) return *info;
    fail("tensor " + printable(name) +
         " is missing; give the prefix of a whole block, or a file with all of its tensors");
  }

  std::string kind() const {
    return bottleneck_ ? "bottleneck" : "basic block (there is no conv3.weight)";
  }

  [[noreturn]] void fail(const std::string& what,
                         ErrorCode code = ErrorCode::invalid_argument) const {
    harness::fail(file_.file(), what, code);
  }

  [[noreturn]] void misshapen(const TensorInfo& info, const std::string& wanted,
                              ErrorCode code = ErrorCode::invalid_argument) const {
    fail("tensor " + printable(info.name) + " has shape " + harness::to_string(info.shape) +
             "; wanted is " + wanted,
         code);
  }

  [[noreturn]] void no_block() const {
    std::string shown;
    std::size_t count = 0;
    for (const TensorInfo& info : file_.tensors()) {
      if (!info.name.ends_with(kFirst)) continue;
      std::string prefix = info.name.substr(0, info.name.size() - kFirst.size());
      // The stem of a network is a conv1 without a conv2.
      if (!(prefix.empty() || prefix.ends_with('.')) ||
          file_.find(prefix + "conv2.weight") == nullptr) {
        continue;
      }
      if (count++ >= kPrefixesShown) continue;
      if (!prefix.empty()) prefix.pop_back();
      shown += (shown.empty() ? "" : ", ") + printable(prefix);
    }
    if (count > kPrefixesShown) shown += ", ... (" + to_string(count) + " in all)";
    fail("tensor " + printable(prefix_ + std::string(kFirst)) + " is missing; " +
         (count == 0 ? "there is no block (conv1.weight beside conv2.weight) in it"
                     : "give the prefix of a block: " + shown));
  }

  const Safetensors& file_;
  std::string prefix_;  // with its dot
  bool bottleneck_ = false;
  std::vector<Layer> layers_;
  std::optional<Layer> shortcut_;
};

}  // namespace

Problem load_block(const Safetensors& file, std::string_view prefix, const BlockTraits& traits,
                   Extent size) {
  Problem problem = Reader(file, prefix).read(traits, size);
  problem.name = problem.label = prefix;
  return problem;
}

std::vector<Problem> read_weights(const std::filesystem::path& path,
                                  const std::vector<std::string>& prefixes,
                                  const BlockTraits& traits, Extent size) {
  const Safetensors file(harness::open_file(path));
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
