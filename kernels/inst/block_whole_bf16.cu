#include "entry_points.hpp"
#include "inst/entry_point.cuh"
#include "sm80/block_whole.cuh"

#define FOLDCONV_PICK_WHOLE_bf16(name, tile) \
  FOLDCONV_ENTRY_POINT(name, block_whole_sm80<tiles::tile, element::bf16>)
#define FOLDCONV_PICK_WHOLE_f16(name, tile)

namespace foldconv::kernels {
#define FOLDCONV_WHOLE_KERNEL(name, dtype, tile, arch) FOLDCONV_PICK_WHOLE_##dtype(name, tile)
#include "catalog.inc"
}  // namespace foldconv::kernels
