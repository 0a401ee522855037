// SPDX-License-Identifier: MIT
#include "weights/block_weights.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <span>
#include <utility>

namespace foldconv::tool {
namespace {

using harness::LineConv;
using harness::printable;
using harness::Problem;
using harness::Safetensors;
using harness::TensorInfo;
using std::to_string;
using Sizes = std::vector<std::uint64_t>;

constexpr std::size_t kPrefixesShown = 8;
constexpr std::string_view kFirst = "conv1.weight";

// What the tensors of a convolution and of the BatchNorm behind it are called.
struct Names {
  // `conv`: as harness::make_line() calls it.
  Names(const std::string& prefix, const std::string& conv) {
    const bool shortcut = conv == "downsample";
    const std::string before = prefix + (shortcut ? "downsample.0" : conv);
    const std::string behind = prefix + (shortcut ? "downsample.1" : "bn" + conv.substr(4));
    weight = before + ".weight";
    bias = before + ".bias";
    batch_norm = {behind + ".weight", behind + ".bias", behind + ".running_mean",
                  behind + ".running_var"};
    ignored = behind + ".num_batches_tracked";
  }

  bool has(const std::string& name) const {
    return name == weight || name == bias || name == ignored ||
           std::ranges::count(batch_norm, name) > 0;
  }

  std::string weight, bias, ignored;      // there need be no bias
  std::array<std::string, 4> batch_norm;  // gamma, beta, mean, variance
};

class Reader {
 public:
  Reader(const Safetensors& file, std::string_view prefix) : file_(file), prefix_(prefix) {
    if (prefix_.ends_with('.')) prefix_.pop_back();
    if (!prefix_.empty()) prefix_ += '.';
    bottleneck_ = file_.find(prefix_ + "conv3.weight") != nullptr;
    projection_ = std::ranges::any_of(file_.tensors(), [&](const TensorInfo& info) {
      return info.name.starts_with(prefix_ + "downsample.");
    });
  }

  Problem read(const BlockTraits& traits, Extent size) const {
    if (file_.find(prefix_ + std::string(kFirst)) == nullptr) no_block();
    check_names();
    const harness::BlockShape shape = shape_of_block(traits);
    Problem problem;
    problem.blocks = true;
    problem.lines = {harness::make_line(shape, {1, size.h, size.w, shape.c})};
    for (const LineConv* conv : problem.convs()) check_shapes(*conv);
    if (!projection_ && (shape.c != shape.k || shape.stride != 1)) {
      file_.fail("tensor " + printable(prefix_ + "downsample.0.weight") +
                 " is missing; a block of stride " + to_string(shape.stride) + " from " +
                 to_string(shape.c) + " to " + to_string(shape.k) +
                 " channels needs one of shape [" + to_string(shape.k) + ", " + to_string(shape.c) +
                 ", 1, 1]");
    }
    const auto storage = std::make_shared<std::deque<std::vector<float>>>();
    problem.storage = storage;
    const auto take = [&](const std::string& name) -> std::span<const float> {
      return storage->emplace_back(file_.values(name));
    };
    for (LineConv* conv : problem.convs()) {
      const Names names(prefix_, conv->name);
      conv->weights.values = take(names.weight);
      if (file_.find(names.bias) != nullptr) conv->weights.bias = take(names.bias);
      const auto& [gamma, beta, mean, variance] = names.batch_norm;
      conv->batch_norm = {take(gamma), take(beta), take(mean), take(variance), traits.eps};
    }
    return problem;
  }

 private:
  // A tensor that has no place in the block would be left out of it without a word.
  void check_names() const {
    std::vector<Names> known = {{prefix_, "conv1"}, {prefix_, "conv2"}};
    if (bottleneck_) known.emplace_back(prefix_, "conv3");
    if (projection_) known.emplace_back(prefix_, "downsample");
    for (const TensorInfo& info : file_.tensors()) {
      const auto has = [&](const Names& names) { return names.has(info.name); };
      if (!info.name.starts_with(prefix_) || std::ranges::any_of(known, has)) continue;
      file_.fail("tensor " + printable(info.name) + " has no place in a " + kind() +
                     "; give the prefix of a block of torchvision's ResNets",
                 ErrorCode::unsupported);
    }
  }

  // As conv1 says, what conv2 reads, and what conv3 writes.
  harness::BlockShape shape_of_block(const BlockTraits& traits) const {
    const int width = axis("conv1", 0), read = axis("conv2", 1);
    return {.c = axis("conv1", 1),
            .middle = bottleneck_ ? width : 0,
            .k = bottleneck_ ? axis("conv3", 0) : width,
            .stride = traits.stride,
            .stride_at = traits.stride_at,
            .groups = bottleneck_ && width % read == 0 ? width / read : 1,
            .projection = projection_};
  }

  // A size of a convolution's weights.
  int axis(const char* conv, std::size_t at_axis) const {
    const TensorInfo& info = at(Names(prefix_, conv).weight);
    if (info.shape.size() != 4 || info.shape[at_axis] < 1 ||
        info.shape[at_axis] > std::uint64_t{std::numeric_limits<int>::max()}) {
      misshapen(info, "[k, c / groups, r, s]");
    }
    return static_cast<int>(info.shape[at_axis]);
  }

  void check_shapes(const LineConv& conv) const {
    const Names names(prefix_, conv.name);
    const auto size = [](int of) { return static_cast<std::uint64_t>(of); };
    const std::uint64_t k = size(conv.weights.k), c = size(conv.weights.c_per_group);
    const Sizes wanted = {k, c, size(conv.weights.r), size(conv.weights.s)};
    if (const TensorInfo& weight = at(names.weight); weight.shape != wanted) {
      // Fewer channels that divide c are groups, where foldconv's blocks have none.
      Sizes ungrouped = weight.shape;
      if (ungrouped.size() == 4 && ungrouped[1] > 0 && c % ungrouped[1] == 0) ungrouped[1] = c;
      const bool groups = ungrouped == wanted;
      misshapen(weight,
                harness::to_string(wanted) + ", to fit the other convolutions of a " + kind() +
                    (groups ? "; blocks have groups in a bottleneck's conv2 only" : ""),
                groups ? ErrorCode::unsupported : ErrorCode::invalid_argument);
    }
    std::vector<std::string> vectors(names.batch_norm.begin(), names.batch_norm.end());
    if (file_.find(names.bias) != nullptr) vectors.push_back(names.bias);
    for (const std::string& name : vectors) {
      if (at(name).shape == Sizes{k}) continue;
      misshapen(at(name), "[" + to_string(k) + "], one for each output channel");
    }
  }

  // The tensor, which the block must have.
  const TensorInfo& at(const std::string& name) const {
    if (const TensorInfo* info = file_.find(name)) return *info;
    file_.fail("tensor " + printable(name) +
               " is missing; give the prefix of a whole block, or a file with all of its tensors");
  }

  std::string kind() const {
    return bottleneck_ ? "bottleneck" : "basic block (there is no conv3.weight)";
  }

  [[noreturn]] void misshapen(const TensorInfo& info, const std::string& wanted,
                              ErrorCode code = ErrorCode::invalid_argument) const {
    file_.fail("tensor " + printable(info.name) + " has shape " + harness::to_string(info.shape) +
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
    file_.fail("tensor " + printable(prefix_ + std::string(kFirst)) + " is missing; " +
               (count == 0 ? "there is no block (conv1.weight beside conv2.weight) in it"
                           : "give the prefix of a block: " + shown));
  }

  const Safetensors& file_;
  std::string prefix_;  // with its dot
  bool bottleneck_ = false, projection_ = false;
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
  const Safetensors file(path);
  std::vector<Problem> blocks;
  for (const std::string& prefix : prefixes) {
    blocks.push_back(load_block(file, prefix, traits, size));
  }
  if (blocks.empty()) {
    blocks.push_back(load_block(file, "", traits, size));
    blocks.back().name = blocks.back().label = path.stem().string();
  }
  return blocks;
}

}  // namespace foldconv::tool
