// BatchNorm, add and activation as calls of cuDNN of their own: what a network that calls cuDNN
// without its graphs runs behind each convolution.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>

#include "cudnn/session.hpp"
#include "foldconv/pointwise.hpp"

namespace foldconv::cudnn {

// cudnnActivationForward knows fewer functions than the graphs. Needs no GPU.
Status can_activate(Activation activation);

// Of NHWC tensors of one shape. Cheap to copy. Errors: what cuDNN says.
struct TensorCalls {
  // y = gamma * (x - mean) / sqrt(variance + eps) + beta; y overlaps no other.
  std::function<Status(const void* x, const pointwise::BatchNormArrays& arrays, void* y,
                       cudaStream_t stream)>
      batch_norm;
  std::function<Status(const void* z, void* y, cudaStream_t stream)> add;  // y += z
  std::function<Status(void* y, cudaStream_t stream)> activate;            // in place
};

// `activation` is what activate() computes; none: it is not to be called. Errors: can_activate();
// what cuDNN says.
Result<TensorCalls> tensor_calls(const Session& session, DataType dtype, const Shape& shape,
                                 Activation activation);

}  // namespace foldconv::cudnn
