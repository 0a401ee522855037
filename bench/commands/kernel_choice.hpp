// SPDX-License-Identifier: MIT
// Which kernels --kernel names.
#pragma once

#include <string>
#include <vector>

#include "foldconv/kernel_list.hpp"

namespace foldconv::tool {

// Of single layers: those that can be pinned, in the order of selection.
std::vector<KernelInfo> layer_kernels();

// The kernels of these names, and those of `dtype` that match a pattern of the shell's ('conv_1x1_f16_*'), each once.
// Throws Error: a name that is none, a pattern that none matches, the same name twice.
std::vector<std::string> kernels_meant(const std::vector<std::string>& listed, DataType dtype,
                                       const std::vector<KernelInfo>& known = layer_kernels());

}  // namespace foldconv::tool
