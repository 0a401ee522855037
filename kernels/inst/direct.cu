#include "direct.cuh"
#include "entry_points.hpp"
#include "inst/entry_point.cuh"

namespace foldconv::kernels {
#define FOLDCONV_DIRECT_KERNEL(name, dtype, arch) \
  FOLDCONV_ENTRY_POINT(name, direct_conv<element::dtype>)
#include "kernels.inc"
}  // namespace foldconv::kernels
