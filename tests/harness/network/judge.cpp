// SPDX-License-Identifier: MIT
#include "harness/network/judge.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "foldconv/graph_node.hpp"
#include "harness/error.hpp"
#include "harness/oracle/layers.hpp"
#include "harness/oracle/oracle.hpp"
#include "harness/oracle/pointwise.hpp"
#include "harness/oracle/rounding.hpp"

namespace foldconv::harness {
namespace {

using oracle::Array;
using oracle::Expected;
using Index = std::vector<std::size_t>;

Index sizes(const Extents& extents) {
  return {extents.begin(), extents.end()};
}

Array array_of(const Index& extents, std::vector<float> values) {
  Array array(extents);
  array.values = std::move(values);
  return array;
}

Index nhwc_order() {
  return {0, 2, 3, 1};
}

Shape shape_of(const Extents& nchw) {
  const auto at = [&](std::size_t axis) { return static_cast<int>(nchw[axis]); };
  return {at(0), at(2), at(3), at(1)};
}

// Values that are exact, but for their rounding.
Expected exactly(DataType dtype, const std::vector<float>& values) {
  Expected expected;
  for (const float value : values) {
    const oracle::Bounded stored = oracle::store(dtype, {value, 0});
    expected.y.push_back(stored.value);
    expected.bound.push_back(stored.error);
  }
  return expected;
}

std::vector<float> as_floats(std::span<const float> values) {
  return {values.begin(), values.end()};
}

// What a step must give, in the order in which `got` is to be compared: that of `order` of the tensor's axes.
struct Judgement {
  Expected expected;
  Index order;
};

class StepJudge {
 public:
  StepJudge(const JudgedNetwork& network, const std::vector<Bytes>& inputs,
            const NetworkResult& result)
      : network_(network), inputs_(inputs), result_(result) {}

  Verdict judge(const GraphNode& node) {
    const Judgement judgement =
        std::visit([&](const auto& op) { return expect(op, node); }, node.operation);
    const Array got = oracle::permuted(tensor(node.output), judgement.order);
    return verdict(oracle::compare(got.values, judgement.expected));
  }

  // The tensor of the model's order.
  Array tensor(int value) {
    if (const auto found = constants_.find(value); found != constants_.end()) return found->second;
    const KeptTensor kept = value_of(network_.plan.tensor(name(value)));
    Index memory;
    for (const int axis : kept.order)
      memory.push_back(static_cast<std::size_t>(kept.extents[static_cast<std::size_t>(axis)]));
    const std::size_t bytes =
        std::accumulate(memory.begin(), memory.end(), size_of(kept.dtype), std::multiplies<>());
    const Array stored = array_of(
        memory,
        oracle::decode(kept.dtype, std::span(result_.workspace).subspan(kept.offset, bytes)));
    Index back(kept.order.size());
    for (std::size_t i = 0; i < back.size(); ++i) back[static_cast<std::size_t>(kept.order[i])] = i;
    return oracle::permuted(stored, back);
  }

  void remember(const GraphNode& node) {
    const Constant& constant = std::get<op::Known>(node.operation).values;
    std::vector<float> values = as_floats(constant.values());
    for (float& value : values)
      value = static_cast<float>(oracle::round_to_storage(network_.dtype, value));
    constants_.emplace(node.output, array_of(sizes(constant.extents()), std::move(values)));
  }

  static Verdict verdict(const oracle::Comparison& comparison) {
    return {.pass = comparison.pass,
            .max_abs_error = comparison.max_abs_error,
            .worst_share = comparison.worst_share,
            .reason = comparison.pass ? "" : comparison.to_string()};
  }

 private:
  std::string name(int value) const { return network_.fused.name({value}); }
  static Index plain(std::size_t rank) {
    Index order(rank);
    std::iota(order.begin(), order.end(), std::size_t{0});
    return order;
  }
  Array images(int value) { return oracle::permuted(tensor(value), nhwc_order()); }
  Extents extents(int value) { return value_extents(tensor(value)); }
  static Extents value_extents(const Array& array) {
    return {array.extents.begin(), array.extents.end()};
  }
  Judgement exact(const Array& array) {
    return {exactly(network_.dtype, array.values), plain(array.extents.size())};
  }

  Judgement expect(const op::Input& op, const GraphNode& node) {
    const auto index = static_cast<std::size_t>(op.index);
    const Extents model = network_.plan.input_extents(index);
    const Bytes& bytes = inputs_[index];
    const PixelType type = network_.input.type;
    std::vector<float> values;
    if (type == PixelType::u8) {
      for (const std::byte byte : bytes)
        values.push_back(static_cast<float>(std::to_integer<int>(byte)));
    } else {
      values = oracle::decode(type == PixelType::f16 ? DataType::f16 : DataType::f32, bytes);
    }
    if (model.size() != 4) return {exactly(network_.dtype, values), plain(model.size())};
    PixelFormat format = network_.input;
    if (format.layout == PixelLayout::model)
      format.layout = op.channels_last ? PixelLayout::nhwc : PixelLayout::nchw;
    return {oracle::preprocessed(network_.dtype, shape_of(extents(node.output)), format, values),
            nhwc_order()};
  }

  // As the problem of one convolution, which the oracle of convolutions knows.
  Judgement convolve(const ConvProblem& problem, const FoldedConv& folded, std::vector<float> x,
                     std::vector<float> residual, Index order) {
    return {oracle::conv(problem, {.x = std::move(x),
                                   .weights = as_floats(folded.weights()),
                                   .scale = as_floats(folded.scale()),
                                   .bias = as_floats(folded.bias()),
                                   .residual = std::move(residual)}),
            std::move(order)};
  }

  template <class Op>
  static std::optional<BatchNorm> norm_of(const Op& op) {
    if (!op.batch_norm) return std::nullopt;
    return BatchNorm{.gamma = op.batch_norm->gamma.values(),
                     .beta = op.batch_norm->beta.values(),
                     .mean = op.batch_norm->mean.values(),
                     .variance = op.batch_norm->variance.values(),
                     .eps = op.batch_norm->eps};
  }

  Judgement expect(const op::Conv& op, const GraphNode& node) {
    const Extents& w = op.conv.weights.extents();
    const auto size = [&](std::size_t axis) { return static_cast<int>(w[axis]); };
    const FoldedConv folded = value_of(fold({.values = op.conv.weights.values(),
                                             .k = size(0),
                                             .c_per_group = size(1),
                                             .r = size(2),
                                             .s = size(3),
                                             .bias = op.conv.bias.values()},
                                            norm_of(op), {.dtype = network_.dtype}));
    const Array x = images(node.inputs[0]);
    const auto extent = [&](std::size_t axis) { return static_cast<int>(x.extents[axis]); };
    const bool residual = node.inputs.size() > 1;
    const ConvProblem problem = {.dtype = network_.dtype,
                                 .n = extent(0),
                                 .h = extent(1),
                                 .w = extent(2),
                                 .c = extent(3),
                                 .k = size(0),
                                 .r = size(2),
                                 .s = size(3),
                                 .stride = op.conv.stride,
                                 .pad = op.conv.pad,
                                 .dilation = op.conv.dilation,
                                 .groups = op.conv.groups,
                                 .activation = op.activation,
                                 .residual = residual};
    return convolve(problem, folded, x.values,
                    residual ? images(node.inputs[1]).values : std::vector<float>(), nhwc_order());
  }

  Judgement expect(const op::Linear& op, const GraphNode& node) {
    const Extents& w = op.linear.weights.extents();
    const FoldedConv folded = value_of(fold({.values = op.linear.weights.values(),
                                             .k = static_cast<int>(w[0]),
                                             .c_per_group = static_cast<int>(w[1]),
                                             .bias = op.linear.bias.values()},
                                            norm_of(op), {.dtype = network_.dtype}));
    const Array x = tensor(node.inputs[0]);
    const std::size_t rows = x.values.size() / x.extents.back();
    const ConvProblem problem = {.dtype = network_.dtype,
                                 .n = static_cast<int>(rows),
                                 .h = 1,
                                 .w = 1,
                                 .c = static_cast<int>(w[1]),
                                 .k = static_cast<int>(w[0]),
                                 .activation = op.activation};
    return convolve(problem, folded, x.values, {}, plain(x.extents.size()));
  }

  Judgement expect(const op::BatchNorm& op, const GraphNode& node) {
    const Array x = tensor(node.inputs[0]);
    Index last = plain(x.extents.size());
    std::rotate(last.begin() + 1, last.begin() + 2, last.end());
    std::vector<float> scale, shift;
    for (std::size_t c = 0; c < x.extents[1]; ++c) {
      const double gamma = op.arrays.gamma.given() ? op.arrays.gamma.values()[c] : 1.0;
      const double beta = op.arrays.beta.given() ? op.arrays.beta.values()[c] : 0.0;
      const double factor = gamma / std::sqrt(op.arrays.variance.values()[c] + op.arrays.eps.value);
      scale.push_back(static_cast<float>(factor));
      shift.push_back(static_cast<float>(beta - op.arrays.mean.values()[c] * factor));
    }
    const Array by_channel = oracle::permuted(x, last);
    return {oracle::affine(network_.dtype, scale, shift, op.activation, by_channel.values), last};
  }

  Judgement expect(const op::Activate& op, const GraphNode& node) {
    const Array x = tensor(node.inputs[0]);
    Judgement judgement = {{}, plain(x.extents.size())};
    for (const float value : x.values) {
      const oracle::Bounded stored =
          oracle::store(network_.dtype, oracle::activate(op.activation, {value, 0}));
      judgement.expected.y.push_back(stored.value);
      judgement.expected.bound.push_back(stored.error);
    }
    return judgement;
  }

  Judgement expect(const op::Binary& op, const GraphNode& node) {
    Array a = tensor(node.inputs[0]), b = tensor(node.inputs[1]);
    const std::size_t rank = std::max(a.extents.size(), b.extents.size());
    for (Array* side : {&a, &b})
      side->extents.insert(side->extents.begin(), rank - side->extents.size(), 1);
    const auto combine = op.kind == op::Binary::Kind::add ? oracle::sum : oracle::product;
    return {combine(network_.dtype, op.activation, a, b), plain(rank)};
  }

  Judgement pooled(const GraphNode& node, const PoolNode& pool) {
    const Array x = images(node.inputs[0]);
    return {oracle::pool(network_.dtype,
                         {.x = shape_of(extents(node.inputs[0])),
                          .average = pool.kind == PoolKind::average,
                          .window = pool.window,
                          .stride = pool.stride,
                          .dilation = pool.dilation,
                          .pad = pool.pad,
                          .ceil_mode = pool.ceil_mode,
                          .count_include_pad = pool.count_include_pad},
                         x.values),
            nhwc_order()};
  }
  Judgement expect(const op::Pool& op, const GraphNode& node) { return pooled(node, op.pool); }
  Judgement expect(const op::GlobalPool& op, const GraphNode& node) {
    const Shape x = shape_of(extents(node.inputs[0]));
    return pooled(node, {.kind = op.kind, .window = {x.h, x.w}});
  }

  Judgement expect(const op::Lrn& op, const GraphNode& node) {
    const Array x = images(node.inputs[0]);
    return {oracle::lrn(network_.dtype, x.extents[3],
                        {op.lrn.size, op.lrn.alpha, op.lrn.beta, op.lrn.bias}, x.values),
            nhwc_order()};
  }

  Judgement expect(const op::Softmax& op, const GraphNode& node) {
    const Array x = tensor(node.inputs[0]);
    std::size_t outer = 1, inner = 1;
    const auto axis = static_cast<std::size_t>(op.axis);
    for (std::size_t i = 0; i < x.extents.size(); ++i) {
      if (i < axis) outer *= x.extents[i];
      if (i > axis) inner *= x.extents[i];
    }
    return {oracle::softmax(network_.dtype, outer, x.extents[axis], inner, x.values),
            plain(x.extents.size())};
  }

  Judgement expect(const op::ResizeNearest& op, const GraphNode& node) {
    return exact(oracle::repeated(tensor(node.inputs[0]), {1, 1, static_cast<std::size_t>(op.h),
                                                           static_cast<std::size_t>(op.w)}));
  }

  Judgement expect(const op::Concat& op, const GraphNode& node) {
    const auto axis = static_cast<std::size_t>(op.axis);
    Array y(tensor(node.output).extents);
    std::size_t begin = 0;
    for (const int input : node.inputs) {
      const Array part = tensor(input);
      each_index(part.extents, [&](const Index& index) {
        Index to = index;
        to[axis] += begin;
        y.at(to) = part.at(index);
      });
      begin += part.extents[axis];
    }
    return exact(y);
  }

  Judgement expect(const op::Slice& op, const GraphNode& node) {
    const Array x = tensor(node.inputs[0]);
    const auto axis = static_cast<std::size_t>(op.axis);
    const auto length = static_cast<std::int64_t>(x.extents[axis]);
    const auto counted = [&](std::int64_t i) {
      return i < 0 ? std::max(i + length, std::int64_t{-1}) : i;
    };
    Array y(tensor(node.output).extents);
    // The first element, of an index that may lie outside.
    const std::int64_t first = op.step > 0
                                   ? std::min(std::max(counted(op.begin), std::int64_t{0}), length)
                                   : std::min(counted(op.begin), length - 1);
    each_index(y.extents, [&](const Index& index) {
      Index from = index;
      from[axis] =
          static_cast<std::size_t>(first + static_cast<std::int64_t>(index[axis]) * op.step);
      y.at(index) = x.at(from);
    });
    return exact(y);
  }

  Judgement expect(const op::Pad& op, const GraphNode& node) {
    std::vector<std::int64_t> begin;
    for (const std::int64_t before : op.before) begin.push_back(-before);
    return exact(
        oracle::window(tensor(node.inputs[0]), begin, tensor(node.output).extents, op.fill));
  }

  Judgement expect(const op::Reshape&, const GraphNode& node) {
    Array x = tensor(node.inputs[0]);
    x.extents = tensor(node.output).extents;
    return exact(x);
  }

  Judgement expect(const op::Transpose& op, const GraphNode& node) {
    return exact(oracle::permuted(tensor(node.inputs[0]), Index(op.order.begin(), op.order.end())));
  }

  Judgement expect(const op::Identity&, const GraphNode& node) {
    return exact(tensor(node.inputs[0]));
  }
  Judgement expect(const op::Known&, const GraphNode& node) { return exact(tensor(node.output)); }
  // The pooling rounds nothing: its result lies between those of the convolution's bounds.
  Judgement expect(const op::Stem& op, const GraphNode& node) {
    Judgement conv = expect(op.conv, node);
    if (!op.pool) return conv;
    const Extents& w = op.conv.conv.weights.extents();
    const Extents x = extents(node.inputs[0]);
    const ConvNode& form = op.conv.conv;
    const ConvProblem problem = {.n = static_cast<int>(x[0]),
                                 .h = static_cast<int>(x[2]),
                                 .w = static_cast<int>(x[3]),
                                 .c = static_cast<int>(x[1]),
                                 .k = static_cast<int>(w[0]),
                                 .r = static_cast<int>(w[2]),
                                 .s = static_cast<int>(w[3]),
                                 .stride = form.stride,
                                 .pad = form.pad};
    const oracle::Pooling pooling = {.x = problem.output(),
                                     .window = op.pool->window,
                                     .stride = op.pool->stride,
                                     .pad = op.pool->pad,
                                     .ceil_mode = op.pool->ceil_mode};
    const auto pooled = [&](double sign) {
      std::vector<float> y;
      for (std::size_t i = 0; i < conv.expected.y.size(); ++i)
        y.push_back(static_cast<float>(conv.expected.y[i] + sign * conv.expected.bound[i]));
      return oracle::pool(network_.dtype, pooling, y);
    };
    const Expected low = pooled(-1), high = pooled(1);
    Expected between;
    for (std::size_t i = 0; i < low.y.size(); ++i) {
      between.y.push_back((low.y[i] + high.y[i]) / 2);
      between.bound.push_back((high.y[i] - low.y[i]) / 2 + low.bound[i]);
    }
    return {between, nhwc_order()};
  }
  Judgement expect(const op::Gate&, const GraphNode&) {
    throw Error(ErrorCode::unsupported,
                "gates are judged as their convolutions: fuse without blocks");
  }
  Judgement expect(const op::Stage&, const GraphNode&) {
    throw Error(ErrorCode::unsupported,
                "a stage is judged as its convolutions: fuse without blocks");
  }

  template <class Body>
  static void each_index(const Index& sizes, Body body) {
    Index index(sizes.size(), 0);
    while (true) {
      body(index);
      std::size_t axis = sizes.size();
      while (axis > 0 && ++index[axis - 1] == sizes[axis - 1]) index[--axis] = 0;
      if (axis == 0) return;
    }
  }

  const JudgedNetwork& network_;
  const std::vector<Bytes>& inputs_;
  const NetworkResult& result_;
  std::map<int, Array> constants_;  // by value
};

}  // namespace

JudgedNetwork judged_network(const Graph& graph, DataType dtype, NetworkPlanOptions options) {
  const NetworkOptions how = {.dtype = dtype, .blocks = false};
  options.keep_all = true;
  const PixelFormat input = options.input;
  const Network network = value_of(Network::create(graph, how));
  return {dtype, value_of(fused(graph, how)), value_of(network.plan(options)), input};
}

std::vector<StepVerdict> judge_steps(const JudgedNetwork& network, const std::vector<Bytes>& inputs,
                                     const NetworkResult& result) {
  StepJudge judge(network, inputs, result);
  std::vector<StepVerdict> verdicts;
  for (const GraphNode& node : network.fused.nodes()) {
    if (std::holds_alternative<op::Known>(node.operation)) {
      judge.remember(node);
      continue;
    }
    verdicts.push_back(
        {network.fused.name({node.output}), to_string(node.operation), judge.judge(node)});
  }
  for (std::size_t i = 0; i < network.fused.outputs().size(); ++i) {
    const GraphOutput& output = network.fused.outputs()[i];
    const std::vector<float> values = judge.tensor(output.value).values;
    const Expected expected = {{values.begin(), values.end()}, std::vector<double>(values.size())};
    verdicts.push_back({output.name, "output",
                        StepJudge::verdict(oracle::compare(floats(result.outputs[i]), expected))});
  }
  return verdicts;
}

}  // namespace foldconv::harness
