// The addresses of all kernels, for the host's registry: one function for each line of kernels.inc,
// defined in inst/. The address is what cudaLaunchKernel, cudaFuncGetAttributes and
// cudaFuncSetAttribute take.
#pragma once

namespace foldconv::kernels {

#define FOLDCONV_CONV_KERNEL(name, loader, dtype, tile, arch) const void* name();
#define FOLDCONV_JOINED_KERNEL(name, dtype, tile, arch) const void* name();
#define FOLDCONV_BLOCK_TAIL_KERNEL(name, dtype, tile, arch) const void* name();
#define FOLDCONV_BOTTLENECK_KERNEL(name, dtype, tile, arch) const void* name();
#define FOLDCONV_DIRECT_KERNEL(name, dtype, arch) const void* name();
#define FOLDCONV_POINTWISE_KERNEL(name, op, dtype, arch) const void* name();
#include "kernels.inc"

}  // namespace foldconv::kernels
