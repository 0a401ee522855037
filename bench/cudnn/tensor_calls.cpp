#include "cudnn/tensor_calls.hpp"

#include <string>

#include "cudnn/data_type.hpp"
#include "cudnn/session_data.hpp"

namespace foldconv::cudnn {

namespace {

// The descriptors that the calls share.
struct Shared {
  explicit Shared(Session opened) : session(std::move(opened)), library(*session.data().library) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() {
    if (tensor != nullptr) library.DestroyTensorDescriptor(tensor);
    if (channels != nullptr) library.DestroyTensorDescriptor(channels);
    if (sum != nullptr) library.DestroyOpTensorDescriptor(sum);
    if (function != nullptr) library.DestroyActivationDescriptor(function);
  }

  Status batch_norm(const void* x, const pointwise::BatchNormArrays& arrays, void* y,
                    cudaStream_t stream) const;
  Status add(const void* z, void* y, cudaStream_t stream) const;
  Status activate(void* y, cudaStream_t stream) const;

  Session session;
  const Library& library;
  cudnnTensorDescriptor_t tensor = nullptr, channels = nullptr;
  cudnnOpTensorDescriptor_t sum = nullptr;
  cudnnActivationDescriptor_t function = nullptr;
};

constexpr float kOne = 1, kZero = 0;

cudnnActivationMode_t mode_of(Activation activation) {
  switch (activation) {
    case Activation::relu:
      return CUDNN_ACTIVATION_RELU;
    case Activation::relu6:
      return CUDNN_ACTIVATION_CLIPPED_RELU;
    case Activation::silu:
      return CUDNN_ACTIVATION_SWISH;
    case Activation::sigmoid:
      return CUDNN_ACTIVATION_SIGMOID;
    case Activation::tanh:
      return CUDNN_ACTIVATION_TANH;
    case Activation::none:
    case Activation::leaky_relu:
    case Activation::hardswish:
    case Activation::gelu:
      break;
  }
  return CUDNN_ACTIVATION_IDENTITY;
}

Status Shared::batch_norm(const void* x, const pointwise::BatchNormArrays& arrays, void* y,
                          cudaStream_t stream) const {
  const cudnnHandle_t handle = session.data().handle;
  Status status = library.status(library.SetStream(handle, stream), "cudnnSetStream");
  if (!status) return status;
  return library.status(
      library.BatchNormalizationForwardInference(
          handle, CUDNN_BATCHNORM_SPATIAL, &kOne, &kZero, tensor, x, tensor, y, channels,
          arrays.gamma, arrays.beta, arrays.mean, arrays.variance, static_cast<double>(arrays.eps)),
      "cudnnBatchNormalizationForwardInference");
}

Status Shared::add(const void* z, void* y, cudaStream_t stream) const {
  const cudnnHandle_t handle = session.data().handle;
  Status status = library.status(library.SetStream(handle, stream), "cudnnSetStream");
  if (!status) return status;
  return library.status(
      library.OpTensor(handle, sum, &kOne, tensor, y, &kOne, tensor, z, &kZero, tensor, y),
      "cudnnOpTensor");
}

Status Shared::activate(void* y, cudaStream_t stream) const {
  const cudnnHandle_t handle = session.data().handle;
  Status status = library.status(library.SetStream(handle, stream), "cudnnSetStream");
  if (!status) return status;
  return library.status(
      library.ActivationForward(handle, function, &kOne, tensor, y, &kZero, tensor, y),
      "cudnnActivationForward");
}

}  // namespace

Status can_activate(Activation activation) {
  if (activation == Activation::none || mode_of(activation) != CUDNN_ACTIVATION_IDENTITY) return {};
  return {ErrorCode::unsupported,
          std::string("cudnnActivationForward has no ") + to_string(activation)};
}

Result<TensorCalls> tensor_calls(const Session& session, DataType dtype, const Shape& shape,
                                 Activation activation) {
  if (Status status = can_activate(activation); !status) return status;
  auto data = std::make_shared<Shared>(session);
  const Library& library = data->library;
  Status status;
  const auto call = [&](auto function, const char* name, auto... arguments) {
    if (status) status = library.status(function(arguments...), name);
  };
  call(library.CreateTensorDescriptor, "cudnnCreateTensorDescriptor", &data->tensor);
  call(library.SetTensor4dDescriptor, "cudnnSetTensor4dDescriptor", data->tensor, CUDNN_TENSOR_NHWC,
       data_type(dtype), shape.n, shape.c, shape.h, shape.w);
  call(library.CreateTensorDescriptor, "cudnnCreateTensorDescriptor", &data->channels);
  call(library.SetTensor4dDescriptor, "cudnnSetTensor4dDescriptor", data->channels,
       CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, 1, shape.c, 1, 1);
  call(library.CreateOpTensorDescriptor, "cudnnCreateOpTensorDescriptor", &data->sum);
  call(library.SetOpTensorDescriptor, "cudnnSetOpTensorDescriptor", data->sum, CUDNN_OP_TENSOR_ADD,
       CUDNN_DATA_FLOAT, CUDNN_PROPAGATE_NAN);
  call(library.CreateActivationDescriptor, "cudnnCreateActivationDescriptor", &data->function);
  constexpr double kCeiling = 6;  // of relu6; others ignore it
  call(library.SetActivationDescriptor, "cudnnSetActivationDescriptor", data->function,
       mode_of(activation), CUDNN_PROPAGATE_NAN, kCeiling);
  if (activation == Activation::silu) {
    call(library.SetActivationDescriptorSwishBeta, "cudnnSetActivationDescriptorSwishBeta",
         data->function, 1.0);
  }
  if (!status) return status;
  return TensorCalls{
      .batch_norm = [data](const void* x, const pointwise::BatchNormArrays& arrays, void* y,
                           cudaStream_t stream) { return data->batch_norm(x, arrays, y, stream); },
      .add = [data](const void* z, void* y,
                    cudaStream_t stream) { return data->add(z, y, stream); },
      .activate = [data](void* y, cudaStream_t stream) { return data->activate(y, stream); }};
}

}  // namespace foldconv::cudnn
