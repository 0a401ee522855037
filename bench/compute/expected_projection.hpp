// A bottleneck's projection as the library sums it: as a longer K of the last convolution,
// [t | x] . [w3 ; wd], t being what the last convolution reads and x the block's input, not rounded
// in between.
#pragma once

#include <vector>

#include "compute/block_convs.hpp"
#include "harness/oracle/oracle.hpp"

namespace foldconv::tool {

// fp64 results and error bounds for `images` images, from t and x as they are. Errors: those of
// fold() with both scales in the weights.
Result<oracle::Expected> expected_projection(const BlockConvs& convs, int images,
                                             const std::vector<float>& t,
                                             const std::vector<float>& x);

}  // namespace foldconv::tool
