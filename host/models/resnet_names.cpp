// SPDX-License-Identifier: MIT
#include "models/resnet_names.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv::host {
namespace {

using safetensors::printable;
using safetensors::StateDict;
using safetensors::TensorInfo;

constexpr ResNetNaming kNamings[] = {
    {.whose = "torchvision and timm",
     .stem_conv = "conv1",
     .stem_norm = "bn1",
     .block = "layerS.B",
     .conv = "convI",
     .norm = "bnI",
     .shortcut_conv = "downsample.0",
     .shortcut_norm = "downsample.1",
     .head = "fc",
     .first = 1},
    {.whose = "Hugging Face",
     .stem_conv = "embedder.embedder.convolution",
     .stem_norm = "embedder.embedder.normalization",
     .block = "encoder.stages.S.layers.B",
     .conv = "layer.I.convolution",
     .norm = "layer.I.normalization",
     .shortcut_conv = "shortcut.convolution",
     .shortcut_norm = "shortcut.normalization",
     .head = "classifier.1",
     .first = 0},
};

constexpr std::size_t kNamesShown = 4;

std::string replaced(std::string_view pattern, char placeholder, int number) {
  const std::size_t place = pattern.find(placeholder);
  return text(pattern.substr(0, place), number, pattern.substr(place + 1));
}

// A tensor that every ResNet has, and nothing else in it ends with.
std::string anchor_of(const ResNetNaming& naming) {
  const ResNetNames names{&naming, "", ""};
  return names.conv(1, 0, 1) + ".weight";
}

// The longest of `prefix` and what it begins with, up to a dot, under which there is an output layer.
std::string head_prefix_of(const StateDict& weights, const ResNetNaming& naming,
                           std::string prefix) {
  std::string whole = prefix;
  for (;;) {
    if (weights.contains(text(prefix, naming.head, ".weight"))) return prefix;
    if (prefix.empty()) return whole;
    prefix.pop_back();
    prefix.erase(prefix.rfind('.') + 1);  // npos + 1 = 0
  }
}

std::vector<ResNetNames> all_resnets(const StateDict& weights) {
  std::vector<ResNetNames> found;
  for (const ResNetNaming& naming : kNamings) {
    const std::string anchor = anchor_of(naming);
    for (const TensorInfo& info : weights.tensors()) {
      if (!info.name.ends_with(anchor)) continue;
      std::string prefix = info.name.substr(0, info.name.size() - anchor.size());
      if (!prefix.empty() && !prefix.ends_with('.')) continue;
      std::string head_prefix = head_prefix_of(weights, naming, prefix);
      found.push_back({&naming, std::move(prefix), std::move(head_prefix)});
    }
  }
  return found;
}

// "`a`, `b`, ... (7 in all)"
template <class List, class TextOf>
std::string first_few(const List& list, TextOf&& text_of) {
  std::string out;
  for (std::size_t i = 0; i < std::min(list.size(), kNamesShown); ++i) {
    append(out, i == 0 ? "" : ", ");
    append(out, printable(text_of(list[i])));
  }
  return list.size() <= kNamesShown ? out : text(out, ", ... (", list.size(), " in all)");
}

std::string wanted_anchors() {
  std::string out;
  for (const ResNetNaming& naming : kNamings) {
    append(out, out.empty() ? "" : " or ");
    append(out, text(printable(anchor_of(naming)), " (", naming.whose, ")"));
  }
  return out;
}

// What is there instead of a ResNet.
std::string what_there_is(const StateDict& weights) {
  if (weights.tensors().empty()) return "there is no tensor in it";
  return text("there are ",
              first_few(weights.tensors(), [](const TensorInfo& info) { return info.name; }));
}

}  // namespace

std::string ResNetNames::stem_conv() const {
  return text(prefix, naming->stem_conv);
}
std::string ResNetNames::stem_norm() const {
  return text(prefix, naming->stem_norm);
}
std::string ResNetNames::block(int stage, int block) const {
  const std::string of_stage = replaced(naming->block, 'S', stage - 1 + naming->first);
  return text(prefix, replaced(of_stage, 'B', block), '.');
}
std::string ResNetNames::conv(int stage, int block, int conv) const {
  return this->block(stage, block) + replaced(naming->conv, 'I', conv - 1 + naming->first);
}
std::string ResNetNames::norm(int stage, int block, int conv) const {
  return this->block(stage, block) + replaced(naming->norm, 'I', conv - 1 + naming->first);
}
std::string ResNetNames::shortcut_conv(int stage, int block) const {
  return text(this->block(stage, block), naming->shortcut_conv);
}
std::string ResNetNames::shortcut_norm(int stage, int block) const {
  return text(this->block(stage, block), naming->shortcut_norm);
}
std::string ResNetNames::head() const {
  return text(head_prefix, naming->head);
}

Result<ResNetNames> find_resnet(const StateDict& weights, std::string_view prefix) {
  std::vector<ResNetNames> found = all_resnets(weights);
  if (found.empty()) {
    return invalid("there is no ResNet in it",
                   text("no tensor is called ", wanted_anchors(), "; ", what_there_is(weights)),
                   "give a ResNet's weights");
  }
  const std::string all = first_few(found, [](const ResNetNames& names) { return names.prefix; });
  if (!prefix.empty()) {
    const std::string given = text(prefix, prefix.ends_with('.') ? "" : ".");
    const auto at_given = std::ranges::find(found, given, &ResNetNames::prefix);
    if (at_given != found.end()) return *at_given;
    return invalid("no ResNet has the prefix", printable(prefix), text("give one of ", all));
  }
  if (found.size() > 1) {
    return invalid("there are several ResNets in it", text("under ", all),
                   "give the prefix of one, by the option prefix");
  }
  return std::move(found.front());
}

}  // namespace foldconv::host
