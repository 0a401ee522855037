// Feeds arbitrary bytes to the reader of safetensors files and of blocks in them: nothing may
// crash, throw or claim what is not there, and every error has to say something.
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

#include "weights/block_weights.hpp"
#include "weights/safetensors.hpp"

using namespace foldconv;
using namespace foldconv::tool;

namespace {

void require(bool truth) {
  if (!truth) std::abort();
}

void check_error(const Status& status) {
  require(!status.ok() && !status.message().empty());
  for (const char c : status.message()) {
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
}

void check_layer(const BlockLayer& layer) {
  const ConvWeights& conv = layer.conv;
  require(conv.k >= 1 && conv.c_per_group >= 1);
  const auto k = static_cast<std::size_t>(conv.k);
  const std::size_t filter = static_cast<std::size_t>(conv.r) * static_cast<std::size_t>(conv.s);
  require(conv.values.size() == k * static_cast<std::size_t>(conv.c_per_group) * filter);
  require(conv.bias.empty() || conv.bias.size() == k);
  require(layer.batch_norm.has_value());
  for (const std::span<const float> values : {layer.batch_norm->gamma, layer.batch_norm->beta,
                                              layer.batch_norm->mean, layer.batch_norm->variance}) {
    require(values.size() == k);
  }
}

void check_chain(const BlockLayer& from, const BlockLayer& to, int groups) {
  require(to.conv.c_per_group * groups == from.conv.k && to.conv.k % groups == 0);
}

template <class Weights>
void check_shortcut(const Weights& weights, const BlockLayer& last) {
  const int c = weights.conv1.conv.c_per_group;
  if (!weights.downsample) {
    require(weights.stride == 1 && c == last.conv.k);
    return;
  }
  check_layer(*weights.downsample);
  require(weights.downsample->conv.c_per_group == c && weights.downsample->conv.k == last.conv.k);
}

void check_block(const LoadedBlock& block) {
  if (!block.is_bottleneck()) {
    const BasicBlockWeights weights = block.basic_block();
    for (const BlockLayer* layer : {&weights.conv1, &weights.conv2}) check_layer(*layer);
    check_chain(weights.conv1, weights.conv2, 1);
    check_shortcut(weights, weights.conv2);
    return;
  }
  const BottleneckWeights weights = block.bottleneck();
  for (const BlockLayer* layer : {&weights.conv1, &weights.conv2, &weights.conv3}) {
    check_layer(*layer);
  }
  check_chain(weights.conv1, weights.conv2, weights.groups);
  check_chain(weights.conv2, weights.conv3, 1);
  check_shortcut(weights, weights.conv3);
}

void check_tensors(const Safetensors& file) {
  for (const TensorInfo& info : file.tensors()) {
    require(file.find(info.name) == &info);
    const Result<std::vector<float>> values = file.values(info.name);
    if (values.ok()) {
      require(values->size() == info.elements());
    } else {
      check_error(values.status());
    }
  }
}

void check_blocks(const Safetensors& file) {
  constexpr std::string_view kFirst = "conv1.weight";
  std::set<std::string> prefixes = {"", "nowhere"};
  for (const TensorInfo& info : file.tensors()) {
    const std::size_t at = info.name.rfind(kFirst);
    if (at != std::string::npos && prefixes.size() < 8) prefixes.insert(info.name.substr(0, at));
  }
  for (const std::string& prefix : prefixes) {
    for (const int stride : {1, 2}) {
      const Result<LoadedBlock> block = load_block(file, prefix, {.stride = stride});
      if (block.ok()) {
        check_block(*block);
      } else {
        check_error(block.status());
      }
    }
  }
}

void check_file(std::vector<std::byte> bytes) {
  const Result<Safetensors> file = parse_safetensors(in_memory(std::move(bytes)));
  if (!file.ok()) return check_error(file.status());
  check_tensors(*file);
  check_blocks(*file);
}

// The same bytes with a length that fits: the header ends with the last brace. Otherwise next to no
// change of a header would get past its length.
std::vector<std::byte> with_fitting_length(std::vector<std::byte> bytes) {
  std::uint64_t length = bytes.size() - sizeof length;
  while (length > 0 && bytes[sizeof length + length - 1] != std::byte{'}'}) --length;
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::vector<std::byte> given(bytes.begin(), bytes.end());
  check_file(given);
  if (given.size() >= sizeof(std::uint64_t)) check_file(with_fitting_length(given));
  return 0;
}
