// SPDX-License-Identifier: MIT
#include "weights/block_weights.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>

#include "harness/error.hpp"
#include "weights/block_names.hpp"

namespace foldconv::tool {
namespace {

using harness::LineConv;
using harness::Problem;
using safetensors::printable;
using safetensors::StateDict;
using safetensors::TensorInfo;
using std::to_string;

// As a state dict is printed: "[64, 3, 7, 7]".
std::string shape_text(const Extents& extents) {
  std::string text;
  for (const std::int64_t size : extents) text += (text.empty() ? "" : ", ") + to_string(size);
  return "[" + text + "]";
}

// A tensor that a block must have, and where its values go.
struct Wanted {
  std::string name;
  Extents shape;
  std::span<const float>* into;
};

class Reader {
 public:
  Reader(const StateDict& file, std::string_view prefix)
      : file_(file),
        prefix_(dotted(prefix)),
        bottleneck_(file.contains(prefix_ + "conv3.weight")),
        projection_(has_downsample(file, prefix)) {}

  Problem read(const BlockTraits& traits, Extent size) const {
    const std::string first = prefix_ + "conv1.weight";
    if (!file_.contains(first)) refuse_prefix(file_, first);
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
      fail("tensor " + printable(prefix_ + "downsample.0.weight") +
           " is missing; a block of stride " + to_string(shape.stride) + " from " + c + " to " + k +
           " channels needs one of shape [" + k + ", " + c + ", 1, 1]");
    }
    const auto storage = std::make_shared<std::vector<Constant>>();
    for (const Wanted& tensor : wanted) {
      storage->push_back(harness::value_of(file_.tensor(tensor.name)));
      *tensor.into = storage->back().values();
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
    if (info.extents.size() != 4 || info.extents[at_axis] < 1 ||
        info.extents[at_axis] > std::numeric_limits<int>::max()) {
      misshapen(info, "[k, c / groups, r, s]");
    }
    return static_cast<int>(info.extents[at_axis]);
  }

  // Those of a convolution and of the BatchNorm behind it.
  void add_tensors(LineConv& conv, Epsilon eps, std::vector<Wanted>& wanted) const {
    const bool shortcut = conv.name == "downsample";
    const std::string before = prefix_ + (shortcut ? "downsample.0" : conv.name);
    const std::string behind = prefix_ + (shortcut ? "downsample.1" : "bn" + conv.name.substr(4));
    ConvWeights& weights = conv.weights;
    BatchNorm& batch_norm = conv.batch_norm.emplace(BatchNorm{{}, {}, {}, {}, eps});
    const Extents k = {weights.k};
    wanted.push_back({before + ".weight",
                      {weights.k, weights.c_per_group, weights.r, weights.s},
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
      fail("tensor " + printable(info.name) + " has no place in a " + kind() +
               "; give the prefix of a block of torchvision's ResNets",
           ErrorCode::unsupported);
    }
  }

  void check_shape(const Wanted& tensor) const {
    const TensorInfo& info = at(tensor.name);
    const std::string wanted = shape_text(tensor.shape);
    if (info.extents == tensor.shape) return;
    if (tensor.shape.size() == 1) misshapen(info, wanted + ", one for each output channel");
    // Fewer channels that divide c are groups, where foldconv's blocks have none.
    Extents ungrouped = info.extents;
    const std::int64_t c = tensor.shape[1];
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
    fail("tensor " + printable(name) +
         " is missing; give the prefix of a whole block, or a file with all of its tensors");
  }

  [[noreturn]] void fail(const std::string& what,
                         ErrorCode code = ErrorCode::invalid_argument) const {
    refuse(file_, what, code);
  }

  std::string kind() const {
    return bottleneck_ ? "bottleneck" : "basic block (there is no conv3.weight)";
  }

  [[noreturn]] void misshapen(const TensorInfo& info, const std::string& wanted,
                              ErrorCode code = ErrorCode::invalid_argument) const {
    fail("tensor " + printable(info.name) + " has shape " + shape_text(info.extents) +
             "; wanted is " + wanted,
         code);
  }

  const StateDict& file_;
  std::string prefix_;  // with its dot
  bool bottleneck_, projection_;
};

}  // namespace

Problem load_block(const StateDict& file, std::string_view prefix, const BlockTraits& traits,
                   Extent size) {
  Problem problem = Reader(file, prefix).read(traits, size);
  problem.name = problem.label = prefix;
  return problem;
}

}  // namespace foldconv::tool
