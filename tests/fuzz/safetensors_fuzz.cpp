// SPDX-License-Identifier: MIT
// Feeds arbitrary bytes to the reader of safetensors files and of blocks in them: nothing may
// crash or claim what is not there, and every error has to say something.
//
//   cmake --preset ci -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ -DFOLDCONV_FUZZ=ON
//   cmake --build build/fuzz --target safetensors_fuzz
//   mkdir -p build/fuzz/corpus
//   build/fuzz/tests/fuzz/safetensors_fuzz -dict=tests/fuzz/safetensors.dict -max_len=4096
//       -timeout=10 -max_total_time=600 build/fuzz/corpus tests/fuzz/corpus/safetensors
//
// To keep what a run found, empty the folder tests/fuzz/corpus/safetensors and fill it anew with
// -merge=1 (first argument: the folder to fill). The test suite replays it without a fuzzer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foldconv/models.hpp"
#include "foldconv/safetensors.hpp"
#include "harness/error.hpp"
#include "weights/block_weights.hpp"
#include "weights/read_weights.hpp"

using namespace foldconv;
using safetensors::StateDict;
using safetensors::TensorInfo;

namespace {

void require(bool truth) {
  if (!truth) std::abort();
}

void check_message(std::string_view message) {
  require(!message.empty());
  for (const char c : message) {
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
}

// Runs what may throw Error, and nothing else.
template <class Body>
void try_to(Body&& body) {
  try {
    body();
  } catch (const harness::Error& error) {
    check_message(error.what());
  }
}

void check_layer(const harness::LineConv& conv) {
  const ConvWeights& weights = conv.weights;
  require(weights.k >= 1 && weights.c_per_group >= 1);
  require(weights.k == conv.problem.k && weights.r == conv.problem.r);
  require(weights.c_per_group * conv.problem.groups == conv.problem.c);
  const auto k = static_cast<std::size_t>(weights.k);
  const std::size_t filter =
      static_cast<std::size_t>(weights.r) * static_cast<std::size_t>(weights.s);
  require(weights.values.size() == k * static_cast<std::size_t>(weights.c_per_group) * filter);
  require(weights.bias.empty() || weights.bias.size() == k);
  require(conv.batch_norm.has_value());
  for (const std::span<const float> values : {conv.batch_norm->gamma, conv.batch_norm->beta,
                                              conv.batch_norm->mean, conv.batch_norm->variance}) {
    require(values.size() == k);
  }
}

void check_block(const harness::Problem& block) {
  const harness::Line& line = block.lines.front();
  for (const harness::LineConv* conv : block.convs()) check_layer(*conv);
  for (std::size_t i = 1; i < line.convs.size(); ++i) {
    require(line.convs[i].problem.c == line.convs[i - 1].problem.k);
  }
  const harness::BlockShape shape = shape_of(line);
  if (line.shortcut) {
    require(line.shortcut->problem.c == shape.c && line.shortcut->problem.k == shape.k);
  } else {
    require(shape.stride == 1 && shape.c == shape.k);
  }
}

// Each line reads what the one before it wrote.
void check_run(const std::vector<harness::Problem>& problems) {
  for (const harness::Problem& stage : problems) {
    for (const harness::LineConv* conv : stage.convs()) check_layer(*conv);
    for (std::size_t i = 1; i < stage.lines.size(); ++i) {
      require(stage.lines[i].input() == stage.lines[i - 1].output());
    }
  }
}

void check_tensors(const StateDict& file) {
  for (const TensorInfo& info : file.tensors()) {
    require(file.find(info.name) == &info);
    const Result<Constant> tensor = file.tensor(info.name);
    if (!tensor.ok()) {
      check_message(tensor.status().message());
      continue;
    }
    std::uint64_t elements = 1;
    for (const std::int64_t size : info.extents) elements *= static_cast<std::uint64_t>(size);
    require(tensor->extents() == info.extents && tensor->values().size() == elements);
    float sum = 0;
    for (const float value : tensor->values()) sum += value;
    [[maybe_unused]] volatile float kept = sum;  // so that every value is read
  }
}

void check_blocks(const StateDict& file) {
  constexpr std::string_view kFirst = "conv1.weight";
  std::set<std::string> prefixes = {"", "nowhere"};
  for (const TensorInfo& info : file.tensors()) {
    const std::size_t at = info.name.rfind(kFirst);
    if (at != std::string::npos && prefixes.size() < 8) prefixes.insert(info.name.substr(0, at));
  }
  for (const std::string& prefix : prefixes) {
    const std::string stage = prefix.substr(0, prefix.find('.'));
    try_to([&] { check_run(tool::read_weights(file, {.prefixes = {stage, prefix}})); });
    for (const int stride : {1, 2}) {
      try_to([&] { check_block(tool::load_block(file, prefix, {.stride = stride})); });
    }
  }
}

void check_file(const std::string& bytes) {
  const Result<StateDict> file = StateDict::read(std::as_bytes(std::span(bytes)));
  if (!file.ok()) return check_message(file.status().message());
  check_tensors(*file);
  check_blocks(*file);
  const Result<Graph> graph = models::resnet(*file);
  require(graph.ok() ? graph->status().ok() : !graph.status().message().empty());
}

// The same bytes with a length that fits: the header ends with the last brace. Otherwise next to no
// change of a header would get past its length.
std::string with_fitting_length(std::string bytes) {
  std::uint64_t length = bytes.size() - sizeof length;
  while (length > 0 && bytes[sizeof length + length - 1] != '}') --length;
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string given(reinterpret_cast<const char*>(data), size);
  check_file(given);
  if (given.size() >= sizeof(std::uint64_t)) check_file(with_fitting_length(given));
  return 0;
}
