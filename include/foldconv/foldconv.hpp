// SPDX-License-Identifier: MIT
/// @file
/// foldconv: trained CNNs made fast on NVIDIA GPUs. BatchNorm is folded into the convolution before
/// it; convolution, bias, residual and activation run as one kernel.
///
///     using namespace foldconv;
///     auto folded = fold({.values = w, .k = 64, .c_per_group = 64, .r = 3, .s = 3},
///                        BatchNorm{.gamma = gamma, .beta = beta, .mean = mean, .variance = variance,
///                                  .eps = Epsilon(1e-5)});
///     if (!folded) return report(folded.status().message());
///     auto conv = Conv::create(*folded);  // weights to the device, once
///     if (!conv) return report(conv.status().message());
///     auto plan = conv->plan({.n = 8, .h = 56, .w = 56},  // once for each shape
///                            {.pad = Padding::same(1), .activation = Activation::relu});
///     if (!plan) return report(plan.status().message());
///     Status status = plan->run({.x = x, .y = y}, stream);  // one kernel launch
#pragma once

#include "foldconv/version.hpp"

#if defined(__cplusplus) && __cplusplus >= 202002L  // else version.hpp has said what is wrong
#include "foldconv/activation.hpp"
#include "foldconv/block.hpp"
#include "foldconv/checked_runs.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"
#include "foldconv/fold.hpp"
#include "foldconv/graph.hpp"
#include "foldconv/graph_node.hpp"
#include "foldconv/kernel_list.hpp"
#include "foldconv/model_file.hpp"
#include "foldconv/models.hpp"
#include "foldconv/network.hpp"
#include "foldconv/pixels.hpp"
#include "foldconv/pointwise.hpp"
#include "foldconv/safetensors.hpp"
#include "foldconv/status.hpp"
#include "foldconv/tensor.hpp"
#endif
