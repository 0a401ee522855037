// SPDX-License-Identifier: MIT
#include "kernels/support/block_golden.hpp"

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "harness/safetensors/safetensors.hpp"
#include "harness/ways/library.hpp"

namespace foldconv::kernel_tests {
namespace {

// A line of index.txt.
struct Entry {
  std::string name, block, prefix;
  int n = 0, h = 0, w = 0, c = 0, middle = 0, k = 0;
  bool downsample = false;
  std::string stride, stride_at, groups, eps;  // as in the file's metadata
};

Entry parse_entry(const std::string& line) {
  Entry entry;
  std::istringstream fields(line);
  fields >> entry.name >> entry.block >> entry.prefix >> entry.n >> entry.h >> entry.w >> entry.c >>
      entry.middle >> entry.k >> entry.downsample >> entry.stride >> entry.stride_at >>
      entry.groups >> entry.eps;
  if (!fields) throw std::runtime_error("blocks/index.txt: cannot read \"" + line + "\"");
  return entry;
}

class Reader {
 public:
  Reader(const std::string& folder, const Entry& entry)
      : path_(folder + "/" + entry.name + ".safetensors"), entry_(entry), file_(path_) {}

  BlockGolden read() const {
    expect_metadata("block", entry_.block);
    expect_metadata("prefix", entry_.prefix);
    expect_metadata("stride", entry_.stride);
    expect_metadata("stride_at", entry_.stride_at);
    expect_metadata("groups", entry_.groups);
    expect_metadata("eps", entry_.eps);
    BlockGolden golden;
    golden.name = entry_.name;
    golden.n = entry_.n;
    golden.h = entry_.h;
    golden.w = entry_.w;
    golden.c = entry_.c;
    golden.k = entry_.k;
    golden.stride = std::stoi(entry_.stride);
    golden.stride_at = entry_.stride_at == "conv1" ? StrideAt::conv1 : StrideAt::conv2;
    golden.groups = std::stoi(entry_.groups);
    const int middle = entry_.middle;
    if (entry_.block == "bottleneck") {
      golden.layers = {layer("conv1", "bn1", middle, entry_.c, 1),
                       layer("conv2", "bn2", middle, middle / golden.groups, 3),
                       layer("conv3", "bn3", entry_.k, middle, 1)};
    } else {
      golden.layers = {layer("conv1", "bn1", middle, entry_.c, 3),
                       layer("conv2", "bn2", entry_.k, middle, 3)};
    }
    if (entry_.downsample) {
      golden.downsample = layer("downsample.0", "downsample.1", entry_.k, entry_.c, 1);
    }
    golden.x = tensor("golden.x", {entry_.n, entry_.h, entry_.w, entry_.c});
    const auto strided = [&](int size) { return (size - 1) / golden.stride + 1; };
    golden.y = tensor("golden.y", {entry_.n, strided(entry_.h), strided(entry_.w), entry_.k});
    return golden;
  }

 private:
  void expect_metadata(const std::string& key, const std::string& value) const {
    const auto found = file_.metadata().find(key);
    if (found == file_.metadata().end() || found->second != value) {
      throw std::runtime_error(path_ + ": the index has " + key + " = " + value);
    }
  }

  std::vector<float> tensor(const std::string& name, std::initializer_list<int> shape) const {
    const harness::TensorInfo* found = file_.find(name);
    if (found == nullptr ||
        !std::ranges::equal(found->shape, shape, std::cmp_equal<std::uint64_t, int>)) {
      throw std::runtime_error(path_ + ": no " + name + " of the shape that the index says");
    }
    return file_.values(name);
  }

  GoldenLayer layer(const std::string& conv, const std::string& batch_norm, int k, int c_per_group,
                    int r) const {
    const std::string bn = entry_.prefix + batch_norm;
    return {.k = k,
            .c_per_group = c_per_group,
            .r = r,
            .weights = tensor(entry_.prefix + conv + ".weight", {k, c_per_group, r, r}),
            .gamma = tensor(bn + ".weight", {k}),
            .beta = tensor(bn + ".bias", {k}),
            .mean = tensor(bn + ".running_mean", {k}),
            .variance = tensor(bn + ".running_var", {k}),
            .eps = std::stod(entry_.eps)};
  }

  std::string path_;
  Entry entry_;
  harness::Safetensors file_;
};

}  // namespace

std::vector<BlockGolden> read_block_goldens(const std::string& folder) {
  std::ifstream index(folder + "/index.txt");
  std::vector<BlockGolden> goldens;
  for (std::string line; std::getline(index, line);) {
    if (!line.starts_with("#")) goldens.push_back(Reader(folder, parse_entry(line)).read());
  }
  if (goldens.empty()) throw std::runtime_error(folder + "/index.txt: no blocks");
  return goldens;
}

harness::Problem problem_of(const BlockGolden& golden, DataType dtype) {
  const bool bottleneck = golden.is_bottleneck();
  harness::Problem problem;
  problem.blocks = true;
  problem.distinct = golden.n;
  problem.x = golden.x;
  problem.lines = {harness::make_line({.c = golden.c,
                                       .middle = bottleneck ? golden.layers.front().k : 0,
                                       .k = golden.k,
                                       .stride = golden.stride,
                                       .stride_at = golden.stride_at,
                                       .groups = golden.groups,
                                       .projection = golden.downsample.has_value()},
                                      {golden.n, golden.h, golden.w, golden.c}, {.dtype = dtype})};
  const auto set = [](harness::LineConv& conv, const GoldenLayer& layer) {
    conv.weights.values = layer.weights;
    conv.batch_norm = BatchNorm{.gamma = layer.gamma,
                                .beta = layer.beta,
                                .mean = layer.mean,
                                .variance = layer.variance,
                                .eps = Epsilon{layer.eps}};
  };
  harness::Line& line = problem.lines.front();
  for (std::size_t i = 0; i < line.convs.size(); ++i) set(line.convs[i], golden.layers[i]);
  if (line.shortcut) set(*line.shortcut, *golden.downsample);
  return problem;
}

Block create_block(const BlockGolden& golden, DataType dtype) {
  return harness::create_blocks(problem_of(golden, dtype)).front();
}

}  // namespace foldconv::kernel_tests
