// SPDX-License-Identifier: MIT
#include "weights/block_weights.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>

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

// A tensor that a block must have, and where its values go.
struct Wanted {
  std::string name;
  Sizes shape;
  std::span<const float>* into;
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
    const harness::BlockShape shape = shape_of_block(traits);
    Problem problem;
    problem.blocks = true;
    problem.lines = {harness::make_line(shape, {1, size.h, size.w, shape.c})};
    std::vector<Wanted> wanted;
    for (LineConv* conv : problem.convs()) add_tensors(*conv, traits.eps, wanted);
    check_names(wanted);
    for (const Wanted& tensor : wanted) check_shape(tensor);
    if (!projection_ && (shape.c != shape.k || shape.stride != 1)) {
      const std::string c = to_string(shape.c), k = to_string(shape.k);
      file_.fail("tensor " + printable(prefix_ + "downsample.0.weight") +
                 " is missing; a block of stride " + to_string(shape.stride) + " from " + c +
                 " to " + k + " channels needs one of shape [" + k + ", " + c + ", 1, 1]");
    }
    const auto storage = std::make_shared<std::deque<std::vector<float>>>();
    for (const Wanted& tensor : wanted) {
      *tensor.into = storage->emplace_back(file_.values(tensor.name));
    }
    problem.storage = storage;
    return problem;
  }

 private:
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
  int axis(const std::string& conv, std::size_t at_axis) const {
    const TensorInfo& info = at(prefix_ + conv + ".weight");
    if (info.shape.size() != 4 || info.shape[at_axis] < 1 ||
        info.shape[at_axis] > std::uint64_t{std::numeric_limits<int>::max()}) {
      misshapen(info, "[k, c / groups, r, s]");
    }
    return static_cast<int>(info.shape[at_axis]);
  }

  // Those of a convolution and of the BatchNorm behind it.
  void add_tensors(LineConv& conv, Epsilon eps, std::vector<Wanted>& wanted) const {
    const bool shortcut = conv.name == "downsample";
    const std::string before = prefix_ + (shortcut ? "downsample.0" : conv.name);
    const std::string behind = prefix_ + (shortcut ? "downsample.1" : "bn" + conv.name.substr(4));
    ConvWeights& weights = conv.weights;
    BatchNorm& batch_norm = conv.batch_norm.emplace(BatchNorm{{}, {}, {}, {}, eps});
    const auto size = [](int of) { return static_cast<std::uint64_t>(of); };
    const Sizes k = {size(weights.k)};
    wanted.push_back({before + ".weight",
                      {k[0], size(weights.c_per_group), size(weights.r), size(weights.s)},
                      &weights.values});
    if (file_.find(before + ".bias") != nullptr) {
      wanted.push_back({before + ".bias", k, &weights.bias});
    }
    wanted.push_back({behind + ".weight", k, &batch_norm.gamma});
    wanted.push_back({behind + ".bias", k, &batch_norm.beta});
    wanted.push_back({behind + ".running_mean", k, &batch_norm.mean});
    wanted.push_back({behind + ".running_var", k, &batch_norm.variance});
  }

  // A tensor that has no place in the block would be left out of it without a word.
  void check_names(const std::vector<Wanted>& wanted) const {
    for (const TensorInfo& info : file_.tensors()) {
      if (!info.name.starts_with(prefix_) || info.name.ends_with(".num_batches_tracked") ||
          std::ranges::count(wanted, info.name, &Wanted::name) > 0) {
        continue;
      }
      file_.fail("tensor " + printable(info.name) + " has no place in a " + kind() +
                     "; give the prefix of a block of torchvision's ResNets",
                 ErrorCode::unsupported);
    }
  }

  void check_shape(const Wanted& tensor) const {
    const TensorInfo& info = at(tensor.name);
    const std::string wanted = harness::to_string(tensor.shape);
    if (info.shape == tensor.shape) return;
    if (tensor.shape.size() == 1) misshapen(info, wanted + ", one for each output channel");
    // Fewer channels that divide c are groups, where foldconv's blocks have none.
    Sizes ungrouped = info.shape;
    const std::uint64_t c = tensor.shape[1];
    if (ungrouped.size() == 4 && ungrouped[1] > 0 && c % ungrouped[1] == 0) ungrouped[1] = c;
    const bool groups = ungrouped == tensor.shape;
    misshapen(info,
              wanted + ", to fit the other convolutions of a " + kind() +
                  (groups ? "; blocks have groups in a bottleneck's conv2 only" : ""),
              groups ? ErrorCode::unsupported : ErrorCode::invalid_argument);
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

std::vector<Problem> read_weights(const WeightsOptions& options) {
  const auto& [path, prefixes, traits, h, w] = options;
  const Extent size{h, w > 0 ? w : h};
  const Safetensors file(path);
  std::vector<Problem> blocks;
  for (const std::string& prefix : prefixes) {
    blocks.push_back(load_block(file, prefix, traits, size));
  }
  if (blocks.empty()) {
    blocks.push_back(load_block(file, "", traits, size));
    blocks.back().name = blocks.back().label = std::filesystem::path(path).stem().string();
  }
  return blocks;
}

}  // namespace foldconv::tool
