// SPDX-License-Identifier: MIT
// BatchNorm, add and activation as calls of cuDNN of their own: what a network that calls cuDNN
// without its graphs runs behind each convolution.
#include <dlfcn.h>

#include "cudnn/loaded.hpp"
#include "harness/error.hpp"

namespace foldconv::cudnn {
namespace {

constexpr float kOne = 1, kZero = 0;

template <class Function>
Function* find(Function*, const char* name) {
  if (void* found = dlsym(library(), name)) return reinterpret_cast<Function*>(found);
  throw harness::Error(ErrorCode::unsupported, std::string("this cuDNN has no ") + name);
}
// The function of cuDNN with the type that its header gives it.
#define FOLDCONV_CUDNN(name) find(static_cast<decltype(&::name)>(nullptr), #name)
// Calls it.
#define FOLDCONV_CALL(name, ...) check(FOLDCONV_CUDNN(name)(__VA_ARGS__), #name)

cudnnActivationMode_t mode_of(Activation::Kind kind) {
  switch (kind) {
    case Activation::Kind::relu:
      return CUDNN_ACTIVATION_RELU;
    case Activation::Kind::relu6:
      return CUDNN_ACTIVATION_CLIPPED_RELU;
    case Activation::Kind::silu:
      return CUDNN_ACTIVATION_SWISH;
    case Activation::Kind::sigmoid:
      return CUDNN_ACTIVATION_SIGMOID;
    case Activation::Kind::tanh:
      return CUDNN_ACTIVATION_TANH;
    case Activation::Kind::none:
    case Activation::Kind::leaky_relu:
    case Activation::Kind::hardswish:
    case Activation::Kind::gelu:
      break;
  }
  return CUDNN_ACTIVATION_IDENTITY;
}

// The descriptors that the calls share.
struct Descriptors {
  Descriptors() = default;
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  ~Descriptors() {
    if (tensor != nullptr) FOLDCONV_CUDNN(cudnnDestroyTensorDescriptor)(tensor);
    if (channels != nullptr) FOLDCONV_CUDNN(cudnnDestroyTensorDescriptor)(channels);
    if (sum != nullptr) FOLDCONV_CUDNN(cudnnDestroyOpTensorDescriptor)(sum);
    if (function != nullptr) FOLDCONV_CUDNN(cudnnDestroyActivationDescriptor)(function);
  }

  cudnnTensorDescriptor_t tensor = nullptr, channels = nullptr;
  cudnnOpTensorDescriptor_t sum = nullptr;
  cudnnActivationDescriptor_t function = nullptr;
};

}  // namespace

TensorCalls tensor_calls(cudnnHandle_t handle, DataType dtype, const Shape& shape,
                         const Activation& activation) {
  if (activation != Activation::none && mode_of(activation.kind) == CUDNN_ACTIVATION_IDENTITY) {
    throw harness::Error(ErrorCode::unsupported, std::string("cudnnActivationForward has no ") +
                                                     to_string(activation.kind));
  }
  const auto shared = std::make_shared<Descriptors>();
  Descriptors& d = *shared;
  FOLDCONV_CALL(cudnnCreateTensorDescriptor, &d.tensor);
  FOLDCONV_CALL(cudnnSetTensor4dDescriptor, d.tensor, CUDNN_TENSOR_NHWC, data_type(dtype), shape.n,
                shape.c, shape.h, shape.w);
  FOLDCONV_CALL(cudnnCreateTensorDescriptor, &d.channels);
  FOLDCONV_CALL(cudnnSetTensor4dDescriptor, d.channels, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, 1,
                shape.c, 1, 1);
  FOLDCONV_CALL(cudnnCreateOpTensorDescriptor, &d.sum);
  FOLDCONV_CALL(cudnnSetOpTensorDescriptor, d.sum, CUDNN_OP_TENSOR_ADD, CUDNN_DATA_FLOAT,
                CUDNN_PROPAGATE_NAN);
  FOLDCONV_CALL(cudnnCreateActivationDescriptor, &d.function);
  constexpr double kCeiling = 6;  // of relu6; others ignore it
  FOLDCONV_CALL(cudnnSetActivationDescriptor, d.function, mode_of(activation.kind),
                CUDNN_PROPAGATE_NAN, kCeiling);
  if (activation == Activation::silu) {
    FOLDCONV_CALL(cudnnSetActivationDescriptorSwishBeta, d.function, 1.0);
  }
  // The functions are looked up here: what a captured or timed launch does is the call alone.
  const auto on = [handle, set = FOLDCONV_CUDNN(cudnnSetStream)](cudaStream_t stream) {
    if (handle == nullptr) {
      throw harness::Error(ErrorCode::unsupported,
                           "cuDNN cannot run on a GPU that is only described");
    }
    check(set(handle, stream), "cudnnSetStream");
    return handle;
  };
  return {.batch_norm =
              [shared, on, call = FOLDCONV_CUDNN(cudnnBatchNormalizationForwardInference)](
                  const void* x, const pointwise::BatchNormArrays& arrays, void* y,
                  cudaStream_t stream) {
                check(call(on(stream), CUDNN_BATCHNORM_SPATIAL, &kOne, &kZero, shared->tensor, x,
                           shared->tensor, y, shared->channels, arrays.gamma, arrays.beta,
                           arrays.mean, arrays.variance, static_cast<double>(arrays.eps)),
                      "cudnnBatchNormalizationForwardInference");
              },
          .add =
              [shared, on, call = FOLDCONV_CUDNN(cudnnOpTensor)](const void* z, void* y,
                                                                 cudaStream_t stream) {
                check(call(on(stream), shared->sum, &kOne, shared->tensor, y, &kOne, shared->tensor,
                           z, &kZero, shared->tensor, y),
                      "cudnnOpTensor");
              },
          .activate =
              [shared, on, call = FOLDCONV_CUDNN(cudnnActivationForward)](void* y,
                                                                          cudaStream_t stream) {
                check(call(on(stream), shared->function, &kOne, shared->tensor, y, &kZero,
                           shared->tensor, y),
                      "cudnnActivationForward");
              }};
}

}  // namespace foldconv::cudnn
