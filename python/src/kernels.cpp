// SPDX-License-Identifier: MIT
#include "kernels.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "array.hpp"
#include "device.hpp"
#include "error.hpp"
#include "foldconv/foldconv.hpp"
#include "gil.hpp"
#include "layer_weights.hpp"
#include "options.hpp"
#include "plan.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace foldconv::python {
namespace {

Port nhwc_port(const char* name, const Shape& shape, DataType dtype) {
  return {.name = name,
          .shape = {shape.n, shape.h, shape.w, shape.c},
          .element = &element_of(dtype),
          .channels_last = true};
}

class ConvWork : public Work {
 public:
  explicit ConvWork(const ConvPlan& plan) : plan_(plan) {
    const ConvProblem& problem = plan.problem();
    images = problem.n;
    inputs.push_back(nhwc_port("x", problem.input(), problem.dtype));
    if (problem.residual) inputs.push_back(nhwc_port("residual", problem.output(), problem.dtype));
    outputs.push_back(nhwc_port("y", problem.output(), problem.dtype));
  }
  Status run(const NetworkBuffers& buffers, cudaStream_t stream) const override {
    return plan_.run({.x = buffers.inputs[0],
                      .residual = buffers.inputs.size() > 1 ? buffers.inputs[1] : nullptr,
                      .y = buffers.outputs[0],
                      .workspace = buffers.workspace,
                      .workspace_bytes = buffers.workspace_bytes,
                      .images = buffers.images},
                     stream);
  }
  std::size_t workspace_bytes() const override { return plan_.workspace_bytes(); }
  nb::object explain() const override {
    const Explanation& of = plan_.explanation();
    LaunchFigures launch;
    static_cast<LaunchCost&>(launch) = of.cost;
    launch.kernel = of.kernel;
    launch.floor_us = of.floor_us;
    launch.limit = of.limit;
    nb::list steps;
    steps.append(step("y", "conv", {launch}));
    return plan_explanation(of.to_string(), steps, "", of.workspace_bytes);
  }

 private:
  ConvPlan plan_;
};

class BlockWork : public Work {
 public:
  BlockWork(const BlockPlan& plan, DataType dtype) : plan_(plan) {
    images = plan.input().n;
    inputs.push_back(nhwc_port("x", plan.input(), dtype));
    outputs.push_back(nhwc_port("y", plan.output(), dtype));
  }
  Status run(const NetworkBuffers& buffers, cudaStream_t stream) const override {
    return plan_.run({.x = buffers.inputs[0],
                      .y = buffers.outputs[0],
                      .workspace = buffers.workspace,
                      .workspace_bytes = buffers.workspace_bytes,
                      .images = buffers.images},
                     stream);
  }
  std::size_t workspace_bytes() const override { return plan_.workspace_bytes(); }
  nb::object explain() const override {
    const BlockExplanation& of = plan_.explanation();
    nb::list steps;
    steps.append(step("y", "stage", of.chosen().launches));
    return plan_explanation(of.to_string(), steps, of.device, plan_.workspace_bytes());
  }

 private:
  BlockPlan plan_;
};

// Weights on a device, which of a forked process are its parent's.
template <class T>
class OnDevice {
 public:
  template <class Make>
  OnDevice(nb::handle device, const Make& make) : device_(device_of(device)) {
    const DeviceScope scope(device_);
    check(scope.status());
    value_.emplace(take(make()));
  }
  ~OnDevice() {
    if (is_forked()) {
      static_cast<void>(new T(*value_));
      return;
    }
    const WithoutGil released;  // cudaFree waits for what runs
    value_.reset();
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  const T& value() const { return *value_; }
  int device() const { return device_; }

 private:
  int device_;
  std::optional<T> value_;
};

using PyConv = OnDevice<Conv>;
struct PyBottleneck : OnDevice<Block> {
  using OnDevice::OnDevice;
  DataType dtype = DataType::f16;
};

FoldOptions fold_options(const std::string& dtype, const std::string& placement) {
  return {.dtype = take(parse_data_type(dtype)), .placement = placement_of(placement)};
}

FoldedConv fold_arrays(nb::handle w, const BatchNormArrays* batch_norm, nb::handle bias,
                       const std::string& dtype, const std::string& placement) {
  const LayerWeights weights(w, batch_norm, bias);
  const BlockLayer layer = weights.layer();
  return take(fold(layer.conv, layer.batch_norm, fold_options(dtype, placement)));
}

void make_conv(PyConv* self, nb::handle w, const BatchNormArrays* batch_norm, nb::handle bias,
               const std::string& dtype, const std::string& placement, nb::handle device) {
  const FoldedConv* given = nullptr;
  const bool is_folded = nb::try_cast(w, given) && given != nullptr;
  if (is_folded && (batch_norm != nullptr || !bias.is_none())) {
    raise(invalid("a FoldedConv has its BatchNorm and its bias",
                  batch_norm != nullptr ? "batch_norm" : "bias", "give them to fold()"));
  }
  const FoldedConv folded = is_folded ? *given : fold_arrays(w, batch_norm, bias, dtype, placement);
  new (self) PyConv(device, [&] { return Conv::create(folded); });
}

std::unique_ptr<Plan> plan_conv(const PyConv& conv, int n, int h, int w, nb::handle stride,
                                nb::handle padding, nb::handle dilation, int groups,
                                const std::string& activation, bool residual,
                                const std::string& kernel, const std::string& instructions) {
  enter_device();
  const DeviceScope scope(conv.device());
  check(scope.status());
  auto work = std::make_unique<ConvWork>(
      take(conv.value().plan({.n = n, .h = h, .w = w},
                             {.stride = extent_of(stride, "stride"),
                              .pad = padding_of(padding),
                              .dilation = extent_of(dilation, "dilation"),
                              .groups = groups,
                              .activation = take(parse_activation(activation)),
                              .residual = residual},
                             {.kernel = kernel, .instructions = instructions_of(instructions)})));
  work->device = conv.device();
  return std::make_unique<Plan>(std::move(work));
}

void make_bottleneck(PyBottleneck* self, nb::handle conv1, nb::handle conv2, nb::handle conv3,
                     nb::handle downsample, int stride, const std::string& stride_at, int groups,
                     const std::string& inner, const std::string& last, const std::string& dtype,
                     const std::string& placement, nb::handle device) {
  const LayerWeights first = LayerWeights::of_tuple(conv1, "conv1"),
                     second = LayerWeights::of_tuple(conv2, "conv2"),
                     third = LayerWeights::of_tuple(conv3, "conv3");
  std::optional<LayerWeights> projection;
  if (!downsample.is_none()) projection.emplace(LayerWeights::of_tuple(downsample, "downsample"));
  BottleneckWeights weights{.conv1 = first.layer(),
                            .conv2 = second.layer(),
                            .conv3 = third.layer(),
                            .stride = stride,
                            .stride_at = stride_at_of(stride_at),
                            .groups = groups,
                            .inner = take(parse_activation(inner)),
                            .last = take(parse_activation(last))};
  if (projection) weights.downsample = projection->layer();
  const FoldOptions options = fold_options(dtype, placement);
  new (self) PyBottleneck(device, [&] { return Block::create(weights, options); });
  self->dtype = options.dtype;
}

std::unique_ptr<Plan> plan_bottleneck(const PyBottleneck& block, int n, int h, int w,
                                      const std::string& cut, const std::string& kernel,
                                      const std::string& instructions) {
  enter_device();
  const DeviceScope scope(block.device());
  check(scope.status());
  auto work = std::make_unique<BlockWork>(
      take(block.value().plan(
          {.n = n, .h = h, .w = w},
          {.cut = cut_of(cut), .kernel = kernel, .instructions = instructions_of(instructions)})),
      block.dtype);
  work->device = block.device();
  return std::make_unique<Plan>(std::move(work));
}

nb::object numpy_of(std::span<const float> values, const Extents& shape) {
  nb::object array = empty_numpy(shape, kF32);
  std::ranges::copy(values, static_cast<float*>(numpy_data(array)));
  return array;
}

void register_fold(nb::module_& module) {
  nb::class_<BatchNormArrays>(
      module, "BatchNorm",
      "BatchNorm at inference: float32 arrays of a value for each channel. eps has no default:\n"
      "frameworks differ, and a wrong one is silent.")
      .def(
          "__init__",
          [](BatchNormArrays* self, nb::object mean, nb::object variance, nb::object gamma,
             nb::object beta, double eps) {
            new (self) BatchNormArrays{mean, variance, gamma, beta, eps};
          },
          "mean"_a, "variance"_a, "gamma"_a = nb::none(), "beta"_a = nb::none(), nb::kw_only(),
          "eps"_a,
          nb::sig("def __init__(self, mean: typing.Any, variance: typing.Any, gamma: typing.Any = "
                  "None, beta: typing.Any = None, *, eps: float) -> None"));
  nb::class_<FoldedConv>(module, "FoldedConv",
                         "A convolution with its BatchNorm folded in, on the host.")
      .def_prop_ro(
          "weights",
          [](const FoldedConv& folded) {
            return numpy_of(folded.weights(),
                            {folded.k(), folded.c_per_group(), folded.r(), folded.s()});
          },
          nb::sig("def weights(self) -> numpy.ndarray"),
          "K, C / groups, R, S: float32, exact in the dtype.")
      .def_prop_ro(
          "scale", [](const FoldedConv& folded) { return numpy_of(folded.scale(), {folded.k()}); },
          nb::sig("def scale(self) -> numpy.ndarray"),
          "For each channel, applied to the sum; 1 where the weights carry it.")
      .def_prop_ro(
          "bias", [](const FoldedConv& folded) { return numpy_of(folded.bias(), {folded.k()}); },
          nb::sig("def bias(self) -> numpy.ndarray"), "For each channel.")
      .def_prop_ro("dtype", [](const FoldedConv& folded) { return to_string(folded.dtype()); })
      .def_prop_ro(
          "report", [](const FoldedConv& folded) { return folded.report().summary(); },
          "What is worth a look, in a line; \"\" if nothing is.");
  module.def(
      "fold", fold_arrays, "w"_a, "batch_norm"_a = nb::none(), "bias"_a = nb::none(), nb::kw_only(),
      "dtype"_a = "f16", "placement"_a = "automatic",
      nb::sig("def fold(w: typing.Any, batch_norm: BatchNorm | None = None, bias: "
              "typing.Any = None, *, dtype: str = 'f16', placement: str = 'automatic') -> "
              "FoldedConv"),
      "Folds BatchNorm into a convolution, in double, rounded once; needs no device. w: K, C /\n"
      "groups, R, S, float32. placement: automatic, weights or epilogue.");
}

}  // namespace

void register_kernels(nb::module_& module) {
  register_fold(module);
  nb::class_<PyConv>(module, "Conv",
                     "A convolution's weights on a device, packed once; plan() says the rest.")
      .def(
          "__init__", make_conv, "w"_a, "batch_norm"_a = nb::none(), "bias"_a = nb::none(),
          nb::kw_only(), "dtype"_a = "f16", "placement"_a = "automatic", "device"_a = nb::none(),
          nb::sig("def __init__(self, w: typing.Any, batch_norm: BatchNorm | None = None, bias: "
                  "typing.Any = None, *, dtype: str = 'f16', placement: str = 'automatic', device: "
                  "int | None = None) -> None"),
          "w: K, C / groups, R, S, float32, or a FoldedConv, which has its dtype;\n"
          "the others as in fold().")
      .def("plan", plan_conv, "n"_a, "h"_a, "w"_a, nb::kw_only(), "stride"_a = 1, "padding"_a = 0,
           "dilation"_a = 1, "groups"_a = 1, "activation"_a = "none", "residual"_a = false,
           "kernel"_a = "", "instructions"_a = "automatic",
           nb::sig("def plan(self, n: int, h: int, w: int, *, stride: int | tuple[int, int] = 1, "
                   "padding: int | tuple[int, ...] = 0, dilation: int | tuple[int, int] = 1, "
                   "groups: int = 1, activation: str = 'none', residual: bool = False, kernel: str "
                   "= '', instructions: str = 'automatic') -> Plan"),
           "A plan that takes x, n h w c in the dtype, and with residual=True a second array of "
           "y's\n"
           "shape. padding: all sides, (h, w) or (top, bottom, left, right). activation: "
           "\"relu6\",\n"
           "\"leaky_relu(0.1)\", .. kernel: pins one by its name. instructions: automatic, sm80 or "
           "sm90.")
      .def_prop_ro("device", &PyConv::device);
  nb::class_<PyBottleneck>(module, "Bottleneck",
                           "A residual block 1x1, 3x3, 1x1 with its weights on a device.")
      .def("__init__", make_bottleneck, "conv1"_a, "conv2"_a, "conv3"_a,
           "downsample"_a = nb::none(), nb::kw_only(), "stride"_a = 1, "stride_at"_a = "conv2",
           "groups"_a = 1, "inner"_a = "relu", "last"_a = "relu", "dtype"_a = "f16",
           "placement"_a = "automatic", "device"_a = nb::none(),
           nb::sig("def __init__(self, conv1: typing.Any, conv2: typing.Any, conv3: typing.Any, "
                   "downsample: typing.Any = None, *, stride: int = 1, stride_at: str = 'conv2', "
                   "groups: int = 1, inner: str = 'relu', last: str = 'relu', dtype: str = 'f16', "
                   "placement: str = 'automatic', device: int | None = None) -> None"),
           "Each layer is w, (w, batch_norm) or (w, batch_norm, bias), as in fold(). inner, last:\n"
           "the activations behind conv1 and conv2, and behind the sum.")
      .def(
          "plan", plan_bottleneck, "n"_a, "h"_a, "w"_a, nb::kw_only(), "cut"_a = "automatic",
          "kernel"_a = "", "instructions"_a = "automatic",
          nb::sig("def plan(self, n: int, h: int, w: int, *, cut: str = 'automatic', kernel: str = "
                  "'', instructions: str = 'automatic') -> Plan"),
          "A plan that takes x, n h w c in the dtype. cut: automatic, whole, tails or chain; the\n"
          "bits are the same. kernel: pins one by its name. instructions: of all convolutions: "
          "automatic,\n"
          "sm80 or sm90, which takes a block whole or not at all; each has its own bits.")
      .def_prop_ro("device", &PyBottleneck::device);
}

}  // namespace foldconv::python
