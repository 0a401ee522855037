#include "conv_sm80.cuh"
#include "entry_points.hpp"
#include "inst/entry_point.cuh"

#undef FOLDCONV_PICK_element_bf16
#define FOLDCONV_PICK_element_bf16(name, tile) \
  FOLDCONV_ENTRY_POINT(name, conv_sm80<tiles::tile, ConvLoader::element, element::bf16>)

namespace foldconv::kernels {
#define FOLDCONV_CONV_KERNEL(name, loader, dtype, tile, arch) \
  FOLDCONV_PICK(name, loader, dtype, tile)
#include "kernels.inc"
}  // namespace foldconv::kernels
