#include "cudnn/conv_graph.hpp"

#include "cudnn/data_type.hpp"

namespace foldconv::cudnn {
namespace {

constexpr std::int64_t kAlignment = 16;
using Extents = std::array<std::int64_t, 4>;  // as cuDNN orders them: n, c, h, w

// The strides of dense tensors with channels innermost.
Extents channels_last(const Extents& size) {
  return {size[1] * size[2] * size[3], 1, size[3] * size[1], size[1]};
}

class Builder {
 public:
  Builder(const Library& library, const ConvProblem& problem, const Epilogue& epilogue)
      : library_(library),
        problem_(problem),
        epilogue_(epilogue),
        storage_(data_type(problem.dtype)),
        y_{problem.n, problem.k, problem.p(), problem.q()} {}

  Result<ConvGraph> build(cudnnHandle_t handle) {
    const ConvProblem& p = problem_;
    operations_left_ = 1 + (epilogue_.scale ? 1 : 0) + (epilogue_.bias ? 1 : 0) +
                       (p.residual ? 1 : 0) + (p.activation != Activation::none ? 1 : 0);
    const Descriptor* at = convolution();
    if (epilogue_.scale) at = combine(CUDNN_POINTWISE_MUL, *at, vector(kScale));
    if (epilogue_.bias) at = combine(CUDNN_POINTWISE_ADD, *at, vector(kBias));
    if (p.residual) at = combine(CUDNN_POINTWISE_ADD, *at, tensor(kResidual, y_, storage_));
    if (p.activation != Activation::none) activation(*at);

    std::vector<cudnnBackendDescriptor_t> operations;
    for (const Descriptor* one : operations_) operations.push_back(one->handle());
    Descriptor graph(library_, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "cuDNN's graph");
    if (handle != nullptr) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle);
    graph
        .set_raw(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                 std::ssize(operations), operations.data())
        .finalize();
    for (const Descriptor& part : graph_.parts) {
      if (!part.status()) return part.status();
    }
    if (!graph.status()) return graph.status();
    graph_.graph.push_back(std::move(graph));
    return std::move(graph_);
  }

 private:
  Descriptor& part(cudnnBackendDescriptorType_t type, const char* what) {
    return graph_.parts.emplace_back(library_, type, std::string("cuDNN's graph, ") + what);
  }

  const Descriptor& tensor(std::int64_t id, const Extents& size, cudnnDataType_t type) {
    return part(CUDNN_BACKEND_TENSOR_DESCRIPTOR, "a tensor")
        .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id)
        .set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
        .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, kAlignment)
        .set(CUDNN_ATTR_TENSOR_DIMENSIONS, size)
        .set(CUDNN_ATTR_TENSOR_STRIDES, channels_last(size))
        .set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, id >= kFirstVirtual)
        .finalize();
  }
  const Descriptor& vector(std::int64_t id) {
    return tensor(id, {1, problem_.k, 1, 1}, data_type(epilogue_.vectors));
  }
  // y of the last operation; before it, what is never stored: fp32.
  const Descriptor& next_result() {
    if (--operations_left_ == 0) return tensor(kY, y_, storage_);
    return tensor(next_virtual_++, y_, CUDNN_DATA_FLOAT);
  }

  const Descriptor* convolution() {
    const ConvProblem& p = problem_;
    using Pair = std::array<std::int64_t, 2>;
    const Descriptor& how =
        part(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "convolution")
            .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
            .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION)
            .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2})
            .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, Pair{p.dilation.h, p.dilation.w})
            .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, Pair{p.stride.h, p.stride.w})
            .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, Pair{p.pad.top, p.pad.left})
            .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, Pair{p.pad.bottom, p.pad.right})
            .finalize();
    const Descriptor& x = tensor(kX, {p.n, p.c, p.h, p.w}, storage_);
    const Descriptor& weights = tensor(kWeights, {p.k, p.c / p.groups, p.r, p.s}, storage_);
    const Descriptor& result = next_result();
    operations_.push_back(
        &part(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, "convolution of x")
             .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, how)
             .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x)
             .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, weights)
             .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, result)
             .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1.0f)
             .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 0.0f)
             .finalize());
    return &result;
  }

  Descriptor& pointwise(cudnnPointwiseMode_t mode) {
    return part(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "an elementwise function")
        .set(CUDNN_ATTR_POINTWISE_MODE, mode)
        .set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  }

  const Descriptor* combine(cudnnPointwiseMode_t mode, const Descriptor& a, const Descriptor& b) {
    const Descriptor& how = pointwise(mode).finalize();
    const Descriptor& result = next_result();
    operations_.push_back(&part(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "scale, bias or add")
                               .set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how)
                               .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, a)
                               .set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b)
                               .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, result)
                               .finalize());
    return &result;
  }

  void activation(const Descriptor& x) {
    const Descriptor& how = activation_function().finalize();
    const Descriptor& y = next_result();
    operations_.push_back(&part(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "activation")
                               .set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how)
                               .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x)
                               .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y)
                               .finalize());
  }

  Descriptor& activation_function() {
    switch (problem_.activation) {
      case Activation::relu6:
        return pointwise(CUDNN_POINTWISE_RELU_FWD)
            .set(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP, 0.0)
            .set(CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, 6.0);
      case Activation::leaky_relu:
        return pointwise(CUDNN_POINTWISE_RELU_FWD)
            .set(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, static_cast<double>(problem_.alpha));
      case Activation::silu:
        return pointwise(CUDNN_POINTWISE_SWISH_FWD).set(CUDNN_ATTR_POINTWISE_SWISH_BETA, 1.0);
      case Activation::sigmoid:
        return pointwise(CUDNN_POINTWISE_SIGMOID_FWD);
      case Activation::tanh:
        return pointwise(CUDNN_POINTWISE_TANH_FWD);
      case Activation::gelu:
        return pointwise(CUDNN_POINTWISE_GELU_FWD);
      case Activation::none:  // no operation; asked for by nobody
      case Activation::relu:
      case Activation::hardswish:  // refused by can_express()
        break;
    }
    return pointwise(CUDNN_POINTWISE_RELU_FWD);
  }

  const Library& library_;
  const ConvProblem& problem_;
  const Epilogue& epilogue_;
  cudnnDataType_t storage_;
  Extents y_;
  ConvGraph graph_;
  std::vector<const Descriptor*> operations_;
  int operations_left_ = 0;
  std::int64_t next_virtual_ = kFirstVirtual;
};

}  // namespace

Status can_express(const ConvProblem& problem) {
  if (Status status = validate(problem); !status) return status;
  if (problem.activation == Activation::hardswish) {
    return {ErrorCode::unsupported, "cuDNN's graphs have no hardswish"};
  }
  const Padding& pad = problem.pad;
  if (pad.top < 0 || pad.bottom < 0 || pad.left < 0 || pad.right < 0) {
    return {ErrorCode::unsupported, "cuDNN has no negative padding"};
  }
  return {};
}

Result<ConvGraph> conv_graph(const Library& library, cudnnHandle_t handle,
                             const ConvProblem& problem, const Epilogue& epilogue) {
  if (Status status = can_express(problem); !status) return status;
  return Builder(library, problem, epilogue).build(handle);
}

}  // namespace foldconv::cudnn
