#include "compute/cudnn_implementations.hpp"

#include <functional>
#include <optional>
#include <utility>

#include "compute/block_convs.hpp"
#include "compute/selection.hpp"

namespace foldconv::tool {
namespace {

// A convolution and what stands behind it.
struct Layer {
  std::string name;  // "conv1, "; "": the only one
  ConvProblem problem;
  ConvWeights weights;
  std::optional<BatchNorm> batch_norm;
};

// Layers, each by steps of cuDNN behind those of the layer before it.
class Line {
 public:
  Line(const CudnnSearch& search, CudnnTensors& tensors, int distinct, bool fused)
      : search_(search), tensors_(tensors), distinct_(distinct), fused_(fused) {}

  // What it writes. Errors: those of the steps.
  Result<const DeviceBuffer*> add(const Layer& layer, const DeviceBuffer* x,
                                  const DeviceBuffer* residual) {
    Result<const DeviceBuffer*> y = allocate(images(layer).bytes());
    if (!y) return y;
    const std::size_t first = implementation_.steps.size();
    Status status = fused_ ? add_fused(layer, x, residual, *y) : add_calls(layer, x, residual, *y);
    if (!status) return Status(status.code(), layer.name + status.message());
    for (std::size_t i = first; i < implementation_.steps.size(); ++i) {
      std::string& what = implementation_.steps[i].what;
      what.insert(0, layer.name);
    }
    return y;
  }

  Result<const DeviceBuffer*> upload(const std::vector<std::byte>& content) {
    return keep(DeviceBuffer::upload(content));
  }

  Implementation finish() { return std::move(implementation_); }

 private:
  Images images(const Layer& layer) const {
    return {layer.problem.dtype, layer.problem.output(), distinct_};
  }

  Status add_fused(const Layer& layer, const DeviceBuffer* x, const DeviceBuffer* residual,
                   const DeviceBuffer* y) {
    const Result<FoldedConv> folded =
        fold(layer.weights, layer.batch_norm, {.dtype = layer.problem.dtype});
    if (!folded) return folded.status();
    return add_conv({.problem = layer.problem,
                     .parameters = cudnn_parameters(*folded),
                     .x = x,
                     .residual = residual,
                     .y = y,
                     .distinct = distinct_});
  }

  Status add_calls(const Layer& layer, const DeviceBuffer* x, const DeviceBuffer* residual,
                   const DeviceBuffer* y) {
    const Images shape = images(layer);
    Result<cudnn::TensorCalls> calls =
        search_.calls(shape.dtype, shape.shape, layer.problem.activation);
    if (!calls) return calls.status();
    const Result<FoldedConv> unfolded =
        fold(layer.weights, std::nullopt, {.dtype = layer.problem.dtype});
    if (!unfolded) return unfolded.status();
    ConvProblem alone = layer.problem;
    alone.activation = Activation::none;
    alone.residual = false;
    Result<const DeviceBuffer*> sums = layer.batch_norm ? allocate(shape.bytes()) : y;
    if (!sums) return sums.status();
    Status status = add_conv({.problem = alone,
                              .parameters = cudnn_parameters(*unfolded),
                              .x = x,
                              .residual = nullptr,
                              .y = *sums,
                              .distinct = distinct_});
    if (status && layer.batch_norm) {
      Result<DeviceBatchNorm> arrays = DeviceBatchNorm::upload(*layer.batch_norm);
      if (!arrays) return arrays.status();
      tensors_.batch_norms.push_back(std::make_unique<DeviceBatchNorm>(std::move(*arrays)));
      status = append(cudnn_batch_norm_step(*calls, shape, *tensors_.batch_norms.back(),
                                            *layer.batch_norm, **sums, *y));
    }
    if (status && layer.problem.residual) {
      status = append(cudnn_add_step(*calls, shape, *residual, *y));
    }
    if (status && layer.problem.activation != Activation::none) {
      status = append(
          cudnn_activation_step(*calls, shape, layer.problem.activation, layer.problem.alpha, *y));
    }
    return status;
  }

  Status add_conv(const CudnnConvStep& step) {
    std::string kernel;
    Status status = append(fastest_cudnn_conv(search_, step, kernel));
    std::string& kernels = implementation_.kernel;
    kernels += (kernels.empty() ? "" : " ") + kernel;
    return status;
  }

  Status append(Result<Step> step) {
    if (!step) return step.status();
    implementation_.steps.push_back(std::move(*step));
    return {};
  }

  Result<const DeviceBuffer*> allocate(std::size_t bytes) {
    Result<const DeviceBuffer*> kept = keep(DeviceBuffer::allocate(bytes));
    if (kept) implementation_.buffers.push_back(*kept);
    return kept;
  }
  Result<const DeviceBuffer*> keep(Result<DeviceBuffer> buffer) {
    if (!buffer) return buffer.status();
    tensors_.buffers.push_back(std::make_unique<DeviceBuffer>(std::move(*buffer)));
    const DeviceBuffer* kept = tensors_.buffers.back().get();
    return kept;
  }

  const CudnnSearch& search_;
  CudnnTensors& tensors_;
  int distinct_;
  bool fused_;
  Implementation implementation_;
};

Layer layer_of(const Workload& workload) {
  const ConvProblem& problem = workload.problem;
  return {.name = "",
          .problem = problem,
          .weights = {.values = workload.raw.weights,
                      .k = problem.k,
                      .c_per_group = problem.c / problem.groups,
                      .r = problem.r,
                      .s = problem.s,
                      .bias = workload.raw.conv_bias},
          .batch_norm = workload.batch_norm()};
}

Status add_layer(const Workload& workload, Line& line) {
  const ConvProblem& problem = workload.problem;
  Result<const DeviceBuffer*> x = line.upload(workload.x(problem.n));
  if (!x) return x.status();
  Result<const DeviceBuffer*> residual = nullptr;
  if (problem.residual) residual = line.upload(workload.residual(problem.n));
  if (!residual) return residual.status();
  return line.add(layer_of(workload), *x, *residual).status();
}

Status add_blocks(const BlockWorkload& workload, Line& line) {
  Result<const DeviceBuffer*> at = line.upload(workload.encoded_x(workload.problem.n));
  Shape shape = workload.input().shape;
  for (std::size_t i = 0; at && i < workload.blocks.size(); ++i) {
    const BlockConvs convs = convs_of(workload.blocks[i].weights, workload.dtype, shape);
    shape = convs.output();
    const std::string prefix =
        workload.blocks.size() > 1 ? block_of_several(i, workload.blocks.size()) + ", " : "";
    const auto layer = [&prefix](const BlockConv& conv) {
      return Layer{prefix + conv.name + ", ", conv.problem, conv.layer->conv,
                   conv.layer->batch_norm};
    };
    Result<const DeviceBuffer*> shortcut = at;
    if (convs.downsample) shortcut = line.add(layer(*convs.downsample), *at, nullptr);
    if (!shortcut) return shortcut.status();
    for (const BlockConv& conv : convs.line) {
      if (!at) break;
      at = line.add(layer(conv), *at, conv.problem.residual ? *shortcut : nullptr);
    }
  }
  return at.status();
}

std::vector<Implementation> implementations(const Result<CudnnSearch>& search,
                                            const std::vector<std::string>& names,
                                            CudnnTensors& tensors, int distinct,
                                            const std::function<Status(Line&)>& fill) {
  std::vector<Implementation> all;
  for (const std::string& name : names) {
    Status status = search.status();
    Implementation made;
    if (search) {
      Line line(*search, tensors, distinct, name == kCudnn);
      status = fill(line);
      made = line.finish();
    }
    if (!status) {
      made = {};
      made.refusal = status.message();
    }
    made.name = name;
    all.push_back(std::move(made));
  }
  return all;
}

}  // namespace

std::vector<Implementation> cudnn_implementations(const Result<CudnnSearch>& search,
                                                  const std::vector<std::string>& names,
                                                  const Workload& workload, CudnnTensors& tensors) {
  return implementations(search, names, tensors, workload.distinct,
                         [&workload](Line& line) { return add_layer(workload, line); });
}

std::vector<Implementation> cudnn_implementations(const Result<CudnnSearch>& search,
                                                  const std::vector<std::string>& names,
                                                  const BlockWorkload& workload,
                                                  CudnnTensors& tensors) {
  return implementations(search, names, tensors, workload.distinct,
                         [&workload](Line& line) { return add_blocks(workload, line); });
}

}  // namespace foldconv::tool
