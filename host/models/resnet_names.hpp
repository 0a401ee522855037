// SPDX-License-Identifier: MIT
// How the tensors of a ResNet are called in a file.
#pragma once

#include <string>
#include <string_view>

#include "foldconv/safetensors.hpp"
#include "foldconv/status.hpp"

namespace foldconv::host {

// Names of modules, below a prefix. In patterns, S, B and I stand for the stage, the block and the convolution.
struct ResNetNaming {
  std::string_view whose;
  std::string_view stem_conv, stem_norm;
  std::string_view block;       // S, B
  std::string_view conv, norm;  // of a block; I
  std::string_view shortcut_conv, shortcut_norm;
  std::string_view head;
  int first;  // the number of the first stage, and of the first convolution; blocks count from 0
};

// One naming and prefix, as found in a file. Stages and convolutions count from 1, blocks from 0.
struct ResNetNames {
  const ResNetNaming* naming;
  std::string prefix;       // "", or with its dot
  std::string head_prefix;  // the same or a shorter one

  std::string stem_conv() const;
  std::string stem_norm() const;
  std::string block(int stage, int block) const;
  std::string conv(int stage, int block, int conv) const;
  std::string norm(int stage, int block, int conv) const;
  std::string shortcut_conv(int stage, int block) const;
  std::string shortcut_norm(int stage, int block) const;
  std::string head() const;
};

// Of the one ResNet in the file, or of the one under `prefix`, where that is not empty. Errors: invalid_argument, not
// naming the file: there is none, or there are several.
Result<ResNetNames> find_resnet(const safetensors::StateDict& weights, std::string_view prefix);

}  // namespace foldconv::host
