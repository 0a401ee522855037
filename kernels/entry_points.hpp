// SPDX-License-Identifier: MIT
// The addresses of all kernels, for the host's registry: one function for each line and data type of
// catalog.inc, defined in the generated translation units. The address is what cudaLaunchKernel,
// cudaFuncGetAttributes and cudaFuncSetAttribute take.
#pragma once

namespace foldconv::kernels {

#define FOLDCONV_CONV_KERNEL(loader, dtype, tile, arch, ...) \
  const void* conv_##loader##_##dtype##_##tile##_##arch();
#define FOLDCONV_JOINED_KERNEL(dtype, tile, arch, ...) \
  const void* conv_joined_##dtype##_##tile##_##arch();
#define FOLDCONV_SM90_KERNEL(dtype, tile, ...) const void* conv_sm90_##dtype##_##tile();
#define FOLDCONV_GROUPED_KERNEL(dtype, tile, arch, ...) \
  const void* conv_grouped_##dtype##_##tile##_##arch();
#define FOLDCONV_TAIL_KERNEL(dtype, tile, arch) const void* block_tail_##dtype##_##tile##_##arch();
#define FOLDCONV_WHOLE_KERNEL(dtype, tile, arch) \
  const void* block_whole_##dtype##_##tile##_##arch();
#define FOLDCONV_STEM_KERNEL(dtype, tile, arch) const void* stem_##dtype##_##tile##_##arch();
#define FOLDCONV_INVERTED_KERNEL(dtype, tile, arch) \
  const void* block_inverted_##dtype##_##tile##_##arch();
#define FOLDCONV_DEPTHWISE_KERNEL(dtype, tile, arch, ...) \
  const void* depthwise_##dtype##_##tile##_##arch();
#define FOLDCONV_DIRECT_KERNEL(dtype, arch) const void* direct_##dtype##_##arch();
#define FOLDCONV_POINTWISE_KERNEL(op, dtype, arch) const void* op##_##dtype##_##arch();
#define FOLDCONV_LAYER_KERNEL(op, dtype, arch) const void* op##_##dtype##_##arch();
#include "catalog.inc"

}  // namespace foldconv::kernels
