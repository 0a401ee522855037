#include "simt/pointwise.cuh"

#include "entry_points.hpp"
#include "inst/entry_point.cuh"

namespace foldconv::kernels {
#define FOLDCONV_POINTWISE_KERNEL(name, op, dtype, arch) \
  FOLDCONV_ENTRY_POINT(name, pointwise<op, element::dtype>)
#include "catalog.inc"
}  // namespace foldconv::kernels
