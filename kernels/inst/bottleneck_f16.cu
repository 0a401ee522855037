#include "bottleneck_sm80.cuh"
#include "entry_points.hpp"
#include "inst/entry_point.cuh"

#define FOLDCONV_PICK_BOTTLENECK_f16(name, tile) \
  FOLDCONV_ENTRY_POINT(name, bottleneck_sm80<tiles::tile, element::f16>)
#define FOLDCONV_PICK_BOTTLENECK_bf16(name, tile)

namespace foldconv::kernels {
#define FOLDCONV_BOTTLENECK_KERNEL(name, dtype, tile, arch) \
  FOLDCONV_PICK_BOTTLENECK_##dtype(name, tile)
#include "kernels.inc"
}  // namespace foldconv::kernels
