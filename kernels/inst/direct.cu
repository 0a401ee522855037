#include "entry_points.hpp"
#include "inst/entry_point.cuh"
#include "simt/direct.cuh"

namespace foldconv::kernels {
#define FOLDCONV_DIRECT_KERNEL(name, dtype, arch) \
  FOLDCONV_ENTRY_POINT(name, direct_conv<element::dtype>)
#include "catalog.inc"
}  // namespace foldconv::kernels
