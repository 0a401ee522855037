// SPDX-License-Identifier: MIT
#include "weights/block_names.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "harness/error.hpp"

namespace foldconv::tool {
namespace {

using safetensors::printable;
using safetensors::StateDict;
using safetensors::TensorInfo;
using std::to_string;

constexpr std::size_t kPrefixesShown = 8;
constexpr std::string_view kFirst = "conv1.weight", kSecond = "conv2.weight";

// The stem of a network is a conv1 without a conv2.
bool is_block(const StateDict& file, const std::string& with_dot) {
  return file.contains(with_dot + std::string(kFirst)) &&
         file.contains(with_dot + std::string(kSecond));
}

// "12", as modules in a torch.nn.Sequential are called: no sign, no zero before others.
std::optional<int> number_of(std::string_view name) {
  int number = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data(), end, number);
  const bool whole = error == std::errc() && rest == end && to_string(number) == name;
  return whole && number >= 0 ? std::optional(number) : std::nullopt;
}

// The number of the block that the tensor belongs to, in a stage of this prefix.
std::optional<int> number_in(const std::string& with_dot, const std::string& tensor) {
  const std::string_view below = std::string_view(tensor).substr(with_dot.size());
  const std::size_t dot = below.find('.');
  return dot == below.npos ? std::nullopt : number_of(below.substr(0, dot));
}

// "`a`, `b`, ... (7 in all)"
std::string first_few(const std::vector<std::string>& names) {
  std::string shown;
  for (std::size_t i = 0; i < std::min(names.size(), kPrefixesShown); ++i) {
    shown += (i == 0 ? "" : ", ") + printable(names[i]);
  }
  if (names.size() > kPrefixesShown) shown += ", ... (" + to_string(names.size()) + " in all)";
  return shown;
}

std::vector<std::string> prefixes_of_blocks(const StateDict& file) {
  std::vector<std::string> prefixes;
  for (const TensorInfo& info : file.tensors()) {
    if (!info.name.ends_with(kFirst)) continue;
    std::string prefix = info.name.substr(0, info.name.size() - kFirst.size());
    if (!(prefix.empty() || prefix.ends_with('.')) || !is_block(file, prefix)) continue;
    if (!prefix.empty()) prefix.pop_back();
    prefixes.push_back(std::move(prefix));
  }
  return prefixes;
}

// Where several are numbered under one prefix.
std::vector<std::string> prefixes_of_stages(const std::vector<std::string>& blocks) {
  std::set<std::string> once, stages;
  for (const std::string& block : blocks) {
    const std::size_t dot = block.rfind('.');
    if (dot == block.npos || !number_of(std::string_view(block).substr(dot + 1))) continue;
    const std::string stage = block.substr(0, dot);
    if (!once.insert(stage).second) stages.insert(stage);
  }
  return {stages.begin(), stages.end()};
}

}  // namespace

std::string dotted(std::string_view prefix) {
  if (prefix.ends_with('.')) prefix.remove_suffix(1);
  return prefix.empty() ? std::string() : std::string(prefix) + '.';
}

bool has_downsample(const StateDict& file, std::string_view prefix) {
  const std::string shortcut = dotted(prefix) + "downsample.";
  return std::ranges::any_of(file.tensors(), [&shortcut](const TensorInfo& info) {
    return info.name.starts_with(shortcut);
  });
}

std::vector<std::string> blocks_under(const StateDict& file, std::string_view prefix) {
  const std::string with_dot = dotted(prefix);
  const auto block_of = [&with_dot](int number) { return with_dot + to_string(number); };
  if (is_block(file, with_dot)) return {with_dot.substr(0, with_dot.rfind('.'))};

  std::set<int> numbers;
  const TensorInfo* other = nullptr;  // of no block
  for (const TensorInfo& info : file.tensors()) {
    if (!info.name.starts_with(with_dot)) continue;
    if (const std::optional<int> number = number_in(with_dot, info.name)) {
      numbers.insert(*number);
    } else {
      other = &info;
    }
  }
  const bool stage = std::ranges::any_of(
      numbers, [&](int number) { return is_block(file, block_of(number) + '.'); });
  if (!stage) {
    const std::string first = with_dot + std::string(kFirst);
    refuse_prefix(file, file.contains(first) ? with_dot + std::string(kSecond) : first);
  }
  if (other != nullptr) {
    refuse(file,
           "tensor " + printable(other->name) + " has no place in a stage of numbered blocks; " +
               "give the prefixes of blocks: " + first_few(prefixes_of_blocks(file)),
           ErrorCode::unsupported);
  }
  std::vector<std::string> blocks;
  for (const int number : numbers) {
    const auto expected = static_cast<int>(blocks.size());
    if (number != expected) {
      refuse(file,
             "block " + printable(block_of(expected)) + " is missing, but " +
                 printable(block_of(number)) +
                 " is there; a stage is computed whole: give the prefixes of its blocks, or a "
                 "file with all of them");
    }
    blocks.push_back(block_of(number));
  }
  return blocks;
}

void refuse(const StateDict& file, const std::string& what, ErrorCode code) {
  throw harness::Error(code, file.source() + ": " + what);
}

void refuse_prefix(const StateDict& file, const std::string& missing_tensor) {
  const std::string missing = "tensor " + printable(missing_tensor) + " is missing; ";
  const std::vector<std::string> blocks = prefixes_of_blocks(file);
  if (blocks.empty()) {
    refuse(file, missing + "there is no block (conv1.weight beside conv2.weight) in it");
  }
  const std::vector<std::string> stages = prefixes_of_stages(blocks);
  refuse(file, missing + "give the prefix of a block: " + first_few(blocks) +
                   (stages.empty() ? "" : "; or of all blocks of a stage: " + first_few(stages)));
}

}  // namespace foldconv::tool
