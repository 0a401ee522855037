// The addresses of all kernels, for the host's registry: one function for each line of catalog.inc,
// defined in inst/. The address is what cudaLaunchKernel, cudaFuncGetAttributes and
// cudaFuncSetAttribute take.
#pragma once

namespace foldconv::kernels {

#define FOLDCONV_CONV_KERNEL(name, loader, dtype, tile, arch) const void* name();
#define FOLDCONV_JOINED_KERNEL(name, dtype, tile, arch) const void* name();
#define FOLDCONV_TAIL_KERNEL(name, dtype, tile, arch) const void* name();
#define FOLDCONV_WHOLE_KERNEL(name, dtype, tile, arch) const void* name();
#define FOLDCONV_DIRECT_KERNEL(name, dtype, arch) const void* name();
#define FOLDCONV_POINTWISE_KERNEL(name, op, dtype, arch) const void* name();
#include "catalog.inc"

}  // namespace foldconv::kernels
