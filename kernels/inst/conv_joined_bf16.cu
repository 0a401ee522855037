#include "conv_sm80.cuh"
#include "entry_points.hpp"
#include "inst/entry_point.cuh"

#define FOLDCONV_PICK_JOINED_bf16(name, tile) \
  FOLDCONV_ENTRY_POINT(name, conv_sm80<tiles::tile, ConvLoader::joined, element::bf16>)
#define FOLDCONV_PICK_JOINED_f16(name, tile)

namespace foldconv::kernels {
#define FOLDCONV_JOINED_KERNEL(name, dtype, tile, arch) FOLDCONV_PICK_JOINED_##dtype(name, tile)
#include "kernels.inc"
}  // namespace foldconv::kernels
