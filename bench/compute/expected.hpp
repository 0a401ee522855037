// fp64 results and error bounds of single kernels, for inputs that are exact in the storage type.
#pragma once

#include <vector>

#include "foldconv/conv.hpp"
#include "foldconv/fold.hpp"
#include "harness/oracle/oracle.hpp"

namespace foldconv::tool {

// `problem` counts the images of x; `residual` is empty where it has none.
oracle::Expected expected_conv(const ConvProblem& problem, const FoldedConv& folded,
                               std::vector<float> x, std::vector<float> residual);

// y = gamma * (x - mean) / sqrt(variance + eps) + beta; channels innermost in x.
oracle::Expected expected_batch_norm(DataType dtype, const std::vector<float>& x,
                                     const BatchNorm& batch_norm);

oracle::Expected expected_add(DataType dtype, const std::vector<float>& x,
                              const std::vector<float>& z);

oracle::Expected expected_activation(DataType dtype, Activation activation, float alpha,
                                     const std::vector<float>& x);

}  // namespace foldconv::tool
