// SPDX-License-Identifier: MIT
// BatchNorm, add and activation as calls of cuDNN of their own: what a network that calls cuDNN
// without its graphs runs behind each convolution.
#include <map>

#include "cudnn/loaded.hpp"
#include "harness/error.hpp"

namespace foldconv::cudnn {
namespace {

constexpr float kOne = 1, kZero = 0;

#define FOLDCONV_CALL(name, ...) check(FOLDCONV_CUDNN(name)(__VA_ARGS__), #name)

// Those that cudnnActivationForward has.
const std::map<Activation::Kind, cudnnActivationMode_t> kModes = {
    {Activation::Kind::none, CUDNN_ACTIVATION_IDENTITY},
    {Activation::Kind::relu, CUDNN_ACTIVATION_RELU},
    {Activation::Kind::relu6, CUDNN_ACTIVATION_CLIPPED_RELU},
    {Activation::Kind::silu, CUDNN_ACTIVATION_SWISH},
    {Activation::Kind::sigmoid, CUDNN_ACTIVATION_SIGMOID},
    {Activation::Kind::tanh, CUDNN_ACTIVATION_TANH},
};

// A descriptor, which its last owner destroys.
template <class Descriptor>
std::shared_ptr<Descriptor> owned(cudnnStatus_t (*create)(Descriptor**),
                                  cudnnStatus_t (*destroy)(Descriptor*)) {
  Descriptor* made = nullptr;
  check(create(&made), "creating a descriptor of cuDNN");
  return {made, destroy};
}
#define FOLDCONV_OWNED(kind)                           \
  owned(FOLDCONV_CUDNN(cudnnCreate##kind##Descriptor), \
        FOLDCONV_CUDNN(cudnnDestroy##kind##Descriptor))

}  // namespace

TensorCalls tensor_calls(cudnnHandle_t handle, DataType dtype, const Shape& shape,
                         const Activation& activation) {
  const auto mode = kModes.find(activation.kind);
  if (mode == kModes.end()) {
    throw harness::Error(ErrorCode::unsupported, std::string("cudnnActivationForward has no ") +
                                                     to_string(activation.kind));
  }
  const auto tensor = FOLDCONV_OWNED(Tensor), channels = FOLDCONV_OWNED(Tensor);
  FOLDCONV_CALL(cudnnSetTensor4dDescriptor, tensor.get(), CUDNN_TENSOR_NHWC,
                of_dtype(dtype, CUDNN_DATA_HALF, CUDNN_DATA_BFLOAT16, CUDNN_DATA_FLOAT), shape.n,
                shape.c, shape.h, shape.w);
  FOLDCONV_CALL(cudnnSetTensor4dDescriptor, channels.get(), CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, 1,
                shape.c, 1, 1);
  const auto sum = FOLDCONV_OWNED(OpTensor);
  FOLDCONV_CALL(cudnnSetOpTensorDescriptor, sum.get(), CUDNN_OP_TENSOR_ADD, CUDNN_DATA_FLOAT,
                CUDNN_PROPAGATE_NAN);
  const auto function = FOLDCONV_OWNED(Activation);
  constexpr double kCeiling = 6;  // of relu6; others ignore it
  FOLDCONV_CALL(cudnnSetActivationDescriptor, function.get(), mode->second, CUDNN_PROPAGATE_NAN,
                kCeiling);
  if (activation == Activation::silu) {
    FOLDCONV_CALL(cudnnSetActivationDescriptorSwishBeta, function.get(), 1.0);
  }
  // The functions are looked up here: what a captured or timed launch does is the call alone.
  const auto on = [handle](cudaStream_t stream) { return set_stream(handle, stream); };
  const auto batch_norm = [=, call = FOLDCONV_CUDNN(cudnnBatchNormalizationForwardInference)](
                              const void* x, const pointwise::BatchNormArrays& arrays, void* y,
                              cudaStream_t stream) {
    check(call(on(stream), CUDNN_BATCHNORM_SPATIAL, &kOne, &kZero, tensor.get(), x, tensor.get(), y,
               channels.get(), arrays.gamma, arrays.beta, arrays.mean, arrays.variance,
               static_cast<double>(arrays.eps)),
          "cudnnBatchNormalizationForwardInference");
  };
  const auto add = [=, call = FOLDCONV_CUDNN(cudnnOpTensor)](const void* z, void* y,
                                                             cudaStream_t stream) {
    check(call(on(stream), sum.get(), &kOne, tensor.get(), y, &kOne, tensor.get(), z, &kZero,
               tensor.get(), y),
          "cudnnOpTensor");
  };
  const auto activate = [=, call = FOLDCONV_CUDNN(cudnnActivationForward)](void* y,
                                                                           cudaStream_t stream) {
    check(call(on(stream), function.get(), &kOne, tensor.get(), y, &kZero, tensor.get(), y),
          "cudnnActivationForward");
  };
  return {batch_norm, add, activate};
}

}  // namespace foldconv::cudnn
