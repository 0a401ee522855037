#include "entry_points.hpp"
#include "inst/entry_point.cuh"
#include "sm80/conv.cuh"

#undef FOLDCONV_PICK_element_bf16
#define FOLDCONV_PICK_element_bf16(name, tile) \
  FOLDCONV_ENTRY_POINT(name, conv_sm80<tiles::tile, ConvLoader::load_element, element::bf16>)

namespace foldconv::kernels {
#define FOLDCONV_CONV_KERNEL(name, loader, dtype, tile, arch) \
  FOLDCONV_PICK(name, loader, dtype, tile)
#include "catalog.inc"
}  // namespace foldconv::kernels
