// fp64 results and error bounds of the separate BatchNorm, add and activation kernels, for inputs
// that are exact in the storage type.
#pragma once

#include <vector>

#include "reference/reference.hpp"

namespace foldconv::tool {

// y = gamma * (x - mean) / sqrt(variance + eps) + beta; channels innermost in x.
reference::Expected expected_batch_norm(DataType dtype, const std::vector<float>& x,
                                        const reference::RawConv& raw);

reference::Expected expected_add(DataType dtype, const std::vector<float>& x,
                                 const std::vector<float>& z);

reference::Expected expected_activation(const ConvProblem& layer, const std::vector<float>& x);

}  // namespace foldconv::tool
