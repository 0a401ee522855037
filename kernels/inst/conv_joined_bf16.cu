#include "entry_points.hpp"
#include "inst/entry_point.cuh"
#include "sm80/conv.cuh"

#define FOLDCONV_PICK_JOINED_bf16(name, tile) \
  FOLDCONV_ENTRY_POINT(name, conv_sm80<tiles::tile, ConvLoader::load_joined, element::bf16>)
#define FOLDCONV_PICK_JOINED_f16(name, tile)

namespace foldconv::kernels {
#define FOLDCONV_JOINED_KERNEL(name, dtype, tile, arch) FOLDCONV_PICK_JOINED_##dtype(name, tile)
#include "catalog.inc"
}  // namespace foldconv::kernels
