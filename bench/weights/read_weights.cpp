// SPDX-License-Identifier: MIT
#include "weights/read_weights.hpp"

#include <filesystem>
#include <iterator>
#include <memory>
#include <utility>

#include "harness/error.hpp"
#include "harness/words.hpp"
#include "weights/block_names.hpp"

namespace foldconv::tool {
namespace {

using harness::Problem;
using safetensors::printable;
using safetensors::StateDict;
using std::to_string;

// Blocks that are one problem.
struct Run {
  std::string name;
  std::vector<std::string> blocks;  // their prefixes
};

std::vector<Run> runs_of(const StateDict& file, const WeightsOptions& options) {
  std::vector<Run> runs;
  for (const std::string& prefix : options.prefixes) {
    runs.push_back({prefix, blocks_under(file, prefix)});
  }
  if (runs.empty()) {
    runs.push_back({std::filesystem::path(options.file).stem().string(), blocks_under(file, "")});
  }
  return runs;
}

// A stride that is forgotten, or that goes to another block, would check another network.
void check_strides(const StateDict& file, const std::vector<Run>& runs,
                   const std::vector<int>& strides) {
  std::vector<std::string> strided;
  for (const Run& run : runs) {
    for (const std::string& block : run.blocks) {
      if (has_downsample(file, block)) strided.push_back(printable(block));
    }
  }
  if (strides.size() == strided.size()) return;
  if (strided.empty()) {
    refuse(file, "no block has a downsample, so that all have stride 1; leave out --stride");
  }
  const std::string blocks = harness::joined(strided);
  if (strides.empty()) {
    refuse(file,
           "it does not tell the stride of a block with a downsample: " + blocks +
               "; give --stride N, with commas between those of several blocks (torchvision's "
               "layer1.0 has 1; layer2.0, layer3.0 and layer4.0 have 2)");
  }
  refuse(file, to_string(strides.size()) + (strides.size() == 1 ? " stride is" : " strides are") +
                   " given, wanted " + (strided.size() == 1 ? "is " : "are ") +
                   to_string(strided.size()) + ", one for each block with a downsample: " + blocks +
                   "; give --stride N, with commas between");
}

// Loads blocks one behind the other; strides go to those with a downsample, in order.
class Loader {
 public:
  Loader(const StateDict& file, const WeightsOptions& options)
      : file_(file),
        traits_{.stride_at = options.stride_at, .eps = options.eps},
        stride_(options.strides.begin()),
        size_{options.h, options.w > 0 ? options.w : options.h} {}

  Problem load(const Run& run) {
    Problem stage;
    stage.name = stage.label = run.name;
    stage.blocks = true;
    const auto storage = std::make_shared<std::vector<std::shared_ptr<void>>>();
    for (const std::string& prefix : run.blocks) {
      Problem block = next_block(prefix);
      harness::Line& line = block.lines.front();
      if (!stage.lines.empty() && line.input().c != stage.lines.back().output().c) {
        refuse(file_, "block " + printable(prefix) + " reads " + to_string(line.input().c) +
                          " channels, the block before it writes " +
                          to_string(stage.lines.back().output().c) +
                          "; give the prefixes of single blocks");
      }
      stage.lines.push_back(std::move(line));
      storage->push_back(std::move(block.storage));
    }
    stage.storage = storage;
    return stage;
  }

 private:
  Problem next_block(const std::string& prefix) {
    traits_.stride = has_downsample(file_, prefix) ? *stride_++ : 1;
    Problem block = load_block(file_, prefix, traits_, size_);
    const Shape y = block.output().shape;
    size_ = {y.h, y.w};
    return block;
  }

  const StateDict& file_;
  BlockTraits traits_;
  std::vector<int>::const_iterator stride_;
  Extent size_;
};

}  // namespace

std::vector<Problem> read_weights(const WeightsOptions& options) {
  return read_weights(harness::value_of(StateDict::read(options.file)), options);
}

std::vector<Problem> read_weights(const StateDict& file, const WeightsOptions& options) {
  const std::vector<Run> runs = runs_of(file, options);
  check_strides(file, runs, options.strides);
  Loader loader(file, options);
  std::vector<Problem> problems;
  problems.reserve(runs.size());
  for (const Run& run : runs) problems.push_back(loader.load(run));
  return problems;
}

}  // namespace foldconv::tool
