// SPDX-License-Identifier: MIT
/// @file
/// Networks from their weights alone: what a state dict does not say is the architecture's.
///
///     auto weights = safetensors::StateDict::read("resnet50.safetensors");
///     if (!weights) return report(weights.status());
///     auto graph = models::resnet(*weights);
///     if (!graph) return report(graph.status());
///     auto network = Network::create(*graph);
#pragma once

#include <string>

#include "foldconv/block.hpp"
#include "foldconv/fold.hpp"
#include "foldconv/graph.hpp"
#include "foldconv/safetensors.hpp"
#include "foldconv/status.hpp"

namespace foldconv::models {

/// What a state dict does not tell about a ResNet.
struct ResNetOptions {
  Epsilon eps{1e-5};                     ///< that of every BatchNorm; PyTorch's default
  StrideAt stride_at = StrideAt::conv2;  ///< of bottlenecks; conv1: the paper's and Caffe's
  /// What stands before the names of the tensors, such as "module.". Empty: found, and then every tensor of the file
  /// must have its place in the network. Given: tensors under other prefixes are let alone.
  std::string prefix = {};
};

/// The classifiers ResNet-18, 34, 50, 101 and 152, wide ones and ResNeXt, of any widths and numbers of blocks, by the
/// names of torchvision and timm (conv1, bn1, layer1.0.conv1, .., fc) or of Hugging Face's ResNetForImageClassification
/// (resnet.embedder.embedder.convolution, ..), under any prefix. Blocks, widths, groups (those of conv2: conv1 says how
/// many channels it reads) and shortcuts are read off the tensors. The output layer may stand under a shorter prefix
/// than the rest.
///
///     image [?, 3, ?, ?] -> 7x7 / 2 -> max 3x3 / 2 -> four stages -> average -> fc -> logits [?, classes]
///
/// Tensors of the graph have torchvision's names, whichever the file has: "conv1", "layer1.0.conv1", "layer1.0" (a
/// block's output), "fc". The stride of the first block is 2 in the last three stages. What leaves no trace in a state
/// dict (another activation, dilation, blurred strides) cannot be told from these networks.
///
/// Errors, naming the file and the tensor: invalid_argument: no ResNet, or several (prefix); missing tensors; shapes
/// that do not fit; unsupported: tensors that have no place, which would change what the network computes, such as those
/// of deep stems (ResNet-D) and squeeze-excite layers; errors of StateDict::tensor(). Values are checked by
/// Network::create().
FOLDCONV_API Result<Graph> resnet(const safetensors::StateDict& weights,
                                  const ResNetOptions& options = {});

}  // namespace foldconv::models
