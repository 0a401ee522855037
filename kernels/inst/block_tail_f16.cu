#include "conv3x3_1x1_sm80.cuh"
#include "entry_points.hpp"
#include "inst/entry_point.cuh"

#define FOLDCONV_PICK_BLOCK_TAIL_f16(name, tile) \
  FOLDCONV_ENTRY_POINT(name, conv3x3_1x1_sm80<tiles::tile, element::f16>)
#define FOLDCONV_PICK_BLOCK_TAIL_bf16(name, tile)

namespace foldconv::kernels {
#define FOLDCONV_BLOCK_TAIL_KERNEL(name, dtype, tile, arch) \
  FOLDCONV_PICK_BLOCK_TAIL_##dtype(name, tile)
#include "kernels.inc"
}  // namespace foldconv::kernels
