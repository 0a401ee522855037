// SPDX-License-Identifier: MIT
// How fast the device multiplies matrices: what cuBLASLt reaches with a large product.
#pragma once

#include "measure/roofs.hpp"

namespace foldconv::tool {

// 8192 x 8192 x 8192, fp16 in and out, fp32 sums, random values (zeros would draw less power), by
// the fastest of the algorithms that cuBLASLt proposes. `library`: libcublasLt.so.13, loaded now.
Roof measure_matrix_product(const char* library);

}  // namespace foldconv::tool
