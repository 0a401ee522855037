// SPDX-License-Identifier: MIT
// From a network and extents to steps and places.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "layer/affine.hpp"
#include "layer/binary.hpp"
#include "layer/copy.hpp"
#include "layer/pool.hpp"
#include "layer/preprocess.hpp"
#include "layer/softmax.hpp"
#include "network/input_extents.hpp"
#include "network/memory_plan.hpp"
#include "network/plan_data.hpp"

namespace foldconv::host {
namespace {

using Work = std::variant<ConvPlan, BlockPlan, Layer>;

std::vector<LaunchFigures> figures_of(const Work& work, const DeviceSpeed& speed) {
  const auto one = [&](const LaunchCost& cost, std::string kernel) {
    return std::vector{LaunchFigures{cost, std::move(kernel), floor_seconds(cost, speed) * 1e6,
                                     limit_of(cost, speed)}};
  };
  if (const auto* conv = std::get_if<ConvPlan>(&work))
    return one(conv->explanation().cost, conv->explanation().kernel);
  if (const auto* blocks = std::get_if<BlockPlan>(&work))
    return blocks->explanation().chosen().launches;
  const Layer& layer = std::get<Layer>(work);
  return one(layer.cost(), layer.kernel());
}

class Planner {
 public:
  Planner(std::shared_ptr<const NetworkData> network, const NetworkPlanOptions& options)
      : network_(std::move(network)), graph_(network_->graph), options_(options) {}

  Result<NetworkPlanData> plan() {
    if (Status status = evaluate(); !status.ok()) return status;
    placed_.resize(graph_.values.size());
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      node_ = i;
      const Status status = std::visit([&](const auto& op) { return add(op); }, node().operation);
      if (!status.ok()) return at(describe(graph_, node()), status);
    }
    for (const GraphOutput& output : graph_.outputs) {
      if (Status status = add_output(output); !status.ok())
        return at(text("output \"", output.name, '"'), status);
    }
    if (Status status = keep_tensors(); !status.ok()) return status;
    return finish();
  }

 private:
  // -- extents

  Status evaluate() {
    Result<std::vector<Extents>> inputs = input_extents(graph_, options_);
    if (!inputs.ok()) return inputs.status();
    Result<std::vector<std::int64_t>> values = graph_.table.evaluate(*inputs);
    if (!values.ok()) return values.status();
    open_ = std::move(*values);
    inputs_ = std::move(*inputs);
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const SymbolicExtents& extents =
          graph_.values[static_cast<std::size_t>(graph_.inputs[i])].extents;
      if (extents.empty()) continue;
      if (batch_ == 0) batch_ = extents[0];
      n_ = static_cast<int>(ExtentTable::value_of(batch_, open_));
    }
    return {};
  }

  Extents extents_of(int value) const {
    Extents extents = graph_.values[static_cast<std::size_t>(value)].extents;
    for (std::int64_t& d : extents) d = ExtentTable::value_of(d, open_);
    return extents;
  }

  // Whether images of the tensor are images of the run: its first extent is the batch, and outermost in memory.
  bool batched(int value) const {
    const SymbolicExtents& extents = graph_.values[static_cast<std::size_t>(value)].extents;
    return batch_ < 0 && !extents.empty() && extents[0] == batch_ && place_of(value).order[0] == 0;
  }

  // -- tensors

  const GraphNode& node() const { return graph_.nodes[node_]; }
  int input(std::size_t i = 0) const { return node().inputs[i]; }
  const Prepared& prepared() const { return network_->prepared[node_]; }
  const Placed& place_of(int value) const { return placed_[static_cast<std::size_t>(value)]; }

  int new_place(std::size_t bytes) {
    places_.push_back({.kind = Place::Kind::arena, .bytes = bytes});
    return static_cast<int>(places_.size()) - 1;
  }

  Result<Placed> new_tensor(Extents extents, AxisOrder order) {
    std::optional<std::int64_t> bytes = static_cast<std::int64_t>(size_of(network_->dtype));
    for (const std::int64_t d : extents) bytes = bytes ? checked_product({*bytes, d}) : bytes;
    constexpr std::int64_t kMostBytes = std::int64_t{1}
                                        << 50;  // sums of some thousands do not overflow
    if (!bytes || *bytes > kMostBytes) {
      return invalid("a tensor has more than 2^50 bytes", to_string(extents),
                     "use a smaller batch or image");
    }
    return Placed{new_place(static_cast<std::size_t>(*bytes)), std::move(extents),
                  std::move(order)};
  }

  // What the node makes, in memory in that order.
  Result<Placed> make(AxisOrder order) {
    return new_tensor(extents_of(node().output), std::move(order));
  }

  void set(Placed placed) { placed_[static_cast<std::size_t>(node().output)] = std::move(placed); }

  // `value` in that order: as it lies, or copied.
  Result<Placed> in_order(int value, const AxisOrder& order) {
    const Placed& as_it_is = place_of(value);
    if (as_it_is.lies_in(order)) return Placed{as_it_is.place, as_it_is.extents, order};
    const auto [found, fresh] = copies_.try_emplace({value, order});
    if (!fresh) return found->second;
    Result<Placed> copy = new_tensor(as_it_is.extents, order);
    if (!copy.ok()) return copy.status();
    if (Status status =
            add_copy(value, as_it_is, *copy, network_->dtype, network_->dtype, "layout");
        !status.ok())
      return status;
    found->second = *copy;
    return copy;
  }
  Result<Placed> images(int value) { return in_order(value, channels_last_order(4)); }

  static Images images_of(const Placed& x) {
    return {static_cast<int>(x.extents[0]), static_cast<int>(x.extents[2]),
            static_cast<int>(x.extents[3])};
  }

  // -- steps

  // `value`: whose name the step has, and whose batch it runs.
  void add_step(Work work, int value, const char* operation, int x, int z, int y, int n,
                int scratch = -1) {
    steps_.push_back({std::move(work), n, batched(value), x, z, y, scratch});
    explanation_.steps.push_back({graph_.values[static_cast<std::size_t>(value)].name, operation,
                                  figures_of(steps_.back().work, network_->speed)});
  }

  Status add_layer(const Result<Layer>& layer, int x, int z, const Placed& y, int n = 0) {
    if (!layer.ok()) return layer.status();
    set(y);
    add_step(*layer, node().output, to_string(node().operation), x, z, y.place,
             n > 0 ? n : first_extent(y));
    return {};
  }

  static int first_extent(const Placed& tensor) {
    return tensor.extents.empty() ? 1 : static_cast<int>(tensor.extents[0]);
  }

  // One axis each, in the order of y's memory.
  static std::vector<CopyAxis> copy_axes(const Placed& x, const Placed& y) {
    const std::vector<std::int64_t> from = x.strides(), to = y.strides();
    std::vector<CopyAxis> axes;
    for (const int index : y.order) {
      const auto axis = static_cast<std::size_t>(index);
      axes.push_back({.extent = y.extents[axis],
                      .y_stride = to[axis],
                      .x_stride = from[axis],
                      .x_begin = 0,
                      .x_extent = x.extents[axis],
                      .divide = 1});
    }
    if (axes.empty())
      axes.push_back(
          {.extent = 1, .y_stride = 1, .x_stride = 1, .x_begin = 0, .x_extent = 1, .divide = 1});
    return axes;
  }

  bool copies_images(int value, const Placed& y) const { return batched(value) && y.order[0] == 0; }

  // All of x into y, as y lies. `value`: what x is.
  Status add_copy(int value, const Placed& x, const Placed& y, DataType from, DataType to,
                  const char* operation) {
    const Result<Layer> layer = plan_copy(
        {.from = from, .to = to, .axes = copy_axes(x, y), .batched = copies_images(value, y)});
    if (!layer.ok()) return layer.status();
    add_step(*layer, value, operation, x.place, -1, y.place, first_extent(y));
    return {};
  }

  // -- operations

  Status add(const op::Input& op) {
    const auto index = static_cast<std::size_t>(op.index);
    const Extents& model = inputs_[index];
    const int value = node().output;
    const PixelFormat& format = options_.input;
    places_.push_back({.kind = Place::Kind::input, .index = index});
    const int from = static_cast<int>(places_.size()) - 1;
    Port& port = inputs_of_plan_[index];
    port = {graph_.values[static_cast<std::size_t>(value)].name, model, 0};
    const std::size_t element = format.type == PixelType::u8    ? 1
                                : format.type == PixelType::f16 ? 2
                                                                : 4;
    Result<Placed> y = make(channels_last_order(model.size()));
    if (!y.ok()) return y.status();
    port.bytes =
        places_[static_cast<std::size_t>(y->place)].bytes / size_of(network_->dtype) * element;
    places_[static_cast<std::size_t>(from)].bytes = port.bytes;
    if (model.size() == 4) {
      PixelFormat resolved = format;
      if (format.layout == PixelLayout::model)
        resolved.layout = op.channels_last ? PixelLayout::nhwc : PixelLayout::nchw;
      const Images size = images_of(*y);
      return add_layer(plan_preprocess({.dtype = network_->dtype,
                                        .n = size.n,
                                        .h = size.h,
                                        .w = size.w,
                                        .c = static_cast<int>(y->extents[1]),
                                        .format = resolved}),
                       from, -1, *y);
    }
    if (format.type == PixelType::u8) {
      return error(ErrorCode::unsupported, "an input that is no image comes as f32 or f16",
                   text("PixelType::u8, extents ", to_string(model)), "set the input's type");
    }
    y->order = plain_order(model.size());
    set(*y);
    const Placed x = {from, y->extents, y->order};
    return add_copy(value, x, *y, format.type == PixelType::f32 ? DataType::f32 : DataType::f16,
                    network_->dtype, "input");
  }

  Status add(const op::Known&) {
    const auto& constant = std::get<DeviceConstant>(prepared());
    places_.push_back({.kind = Place::Kind::constant, .constant = constant.memory.part(0)});
    const Extents extents = extents_of(node().output);
    set({static_cast<int>(places_.size()) - 1, extents, plain_order(extents.size())});
    return {};
  }

  Status add(const op::Conv& op) {
    const bool residual = node().inputs.size() > 1;
    const Result<Placed> x = images(input());
    if (!x.ok()) return x.status();
    int z = -1;
    if (residual) {
      const Result<Placed> added = images(input(1));
      if (!added.ok()) return added.status();
      z = added->place;
    }
    const Result<ConvPlan> plan = std::get<Conv>(prepared())
                                      .plan(images_of(*x), {.stride = op.conv.stride,
                                                            .pad = op.conv.pad,
                                                            .dilation = op.conv.dilation,
                                                            .groups = op.conv.groups,
                                                            .activation = op.activation,
                                                            .residual = residual});
    if (!plan.ok()) return plan.status();
    Result<Placed> y = make(channels_last_order(4));
    if (!y.ok()) return y.status();
    set(*y);
    add_step(*plan, node().output, "conv", x->place, z, y->place, first_extent(*y));
    return {};
  }

  Status add(const op::Stage&) {
    const Result<Placed> x = images(input());
    if (!x.ok()) return x.status();
    const Result<BlockPlan> plan =
        std::get<Stage>(prepared()).plan(images_of(*x), {.cut = options_.cut});
    if (!plan.ok()) return plan.status();
    Result<Placed> y = make(channels_last_order(4));
    if (!y.ok()) return y.status();
    set(*y);
    const int scratch = plan->workspace_bytes() > 0 ? new_place(plan->workspace_bytes()) : -1;
    add_step(*plan, node().output, "stage", x->place, -1, y->place, first_extent(*y), scratch);
    return {};
  }

  // Rows by a 1x1 convolution, each an image of one pixel: so that n does not change the order of its sums.
  Status add(const op::Linear& op) {
    const Result<Placed> x = in_order(input(), plain_order(place_of(input()).extents.size()));
    if (!x.ok()) return x.status();
    const std::int64_t rows = x->elements() / x->extents.back();
    if (rows > std::numeric_limits<int>::max()) {
      return error(ErrorCode::unsupported, "a linear layer takes fewer than 2^31 rows", text(rows),
                   "use a smaller batch");
    }
    const Result<ConvPlan> plan =
        std::get<Conv>(prepared())
            .plan({static_cast<int>(rows), 1, 1}, {.activation = op.activation});
    if (!plan.ok()) return plan.status();
    Result<Placed> y = make(plain_order(x->extents.size()));
    if (!y.ok()) return y.status();
    set(*y);
    add_step(*plan, node().output, "linear", x->place, -1, y->place, static_cast<int>(rows));
    return {};
  }

  Status add(const op::BatchNorm& op) {
    const auto& arrays = std::get<AffineArrays>(prepared());
    const Result<Placed> x =
        in_order(input(), channels_last_order(place_of(input()).extents.size()));
    if (!x.ok()) return x.status();
    Result<Placed> y = make(x->order);
    if (!y.ok()) return y.status();
    const std::int64_t n = x->extents[0], c = x->extents[1];
    return add_layer(plan_affine({.dtype = network_->dtype,
                                  .n = static_cast<int>(n),
                                  .pixels_per_image = x->elements() / n / c,
                                  .c = static_cast<int>(c),
                                  .scale = arrays.scale(),
                                  .shift = arrays.shift(),
                                  .activation = op.activation}),
                     x->place, -1, *y);
  }

  Status add(const op::Activate& op) {
    const Placed x = place_of(input());
    Result<Placed> y = make(x.order);
    if (!y.ok()) return y.status();
    const int n = first_extent(x);
    return add_layer(plan_activate({.dtype = network_->dtype,
                                    .n = n,
                                    .elements_per_image = x.elements() / n,
                                    .activation = op.activation}),
                     x.place, -1, *y);
  }

  // Strides of an operand along y's axes, in the order of y's memory; 0 where it is broadcast.
  static std::vector<std::int64_t> broadcast_strides(const Placed& operand, const Placed& y) {
    const std::vector<std::int64_t> own = operand.strides();
    const std::size_t missing = y.extents.size() - operand.extents.size();
    std::vector<std::int64_t> strides;
    for (const int index : y.order) {
      const auto axis = static_cast<std::size_t>(index);
      const bool has = axis >= missing && operand.extents[axis - missing] != 1;
      strides.push_back(has ? own[axis - missing] : 0);
    }
    return strides;
  }

  Status add(const op::Binary& op) {
    const Placed a = place_of(input(0)), b = place_of(input(1));
    const Extents extents = extents_of(node().output);
    if (Status status = check_broadcast(a, extents); !status.ok()) return status;
    if (Status status = check_broadcast(b, extents); !status.ok()) return status;
    // As the operand lies that is as large as y.
    const Placed& like = a.extents == extents ? a : b;
    Result<Placed> y = make(like.extents == extents ? like.order : plain_order(extents.size()));
    if (!y.ok()) return y.status();
    Extents memory = y->memory_extents();
    std::vector<std::int64_t> x_strides = broadcast_strides(a, *y),
                              z_strides = broadcast_strides(b, *y);
    if (memory.empty()) {
      memory = {1};
      x_strides = z_strides = {0};
    }
    set(*y);
    return add_layer(
        plan_binary({.dtype = network_->dtype,
                     .op = op.kind == op::Binary::Kind::add ? BinaryProblem::Op::add
                                                            : BinaryProblem::Op::multiply,
                     .extents = memory,
                     .x_strides = x_strides,
                     .z_strides = z_strides,
                     .activation = op.activation,
                     .batched = batched(node().output)}),
        a.place, b.place, *y);
  }

  static Status check_broadcast(const Placed& operand, const Extents& extents) {
    const std::size_t missing = extents.size() - operand.extents.size();
    for (std::size_t axis = 0; axis < operand.extents.size(); ++axis) {
      const std::int64_t d = operand.extents[axis];
      if (d == 1 || d == extents[axis + missing]) continue;
      return invalid("the operands' extents do not broadcast",
                     text(to_string(operand.extents), " to ", to_string(extents)),
                     "use inputs of other extents");
    }
    return {};
  }

  Status add_pool(const Placed& x, const PoolNode& pool) {
    Result<Placed> y = make(channels_last_order(4));
    if (!y.ok()) return y.status();
    const Images size = images_of(x);
    return add_layer(plan_pool({.dtype = network_->dtype,
                                .n = size.n,
                                .h = size.h,
                                .w = size.w,
                                .c = static_cast<int>(x.extents[1]),
                                .kind = pool.kind == PoolKind::max ? PoolProblem::Kind::max
                                                                   : PoolProblem::Kind::average,
                                .window = pool.window,
                                .stride = pool.stride,
                                .dilation = pool.dilation,
                                .pad = pool.pad,
                                .ceil_mode = pool.ceil_mode,
                                .count_include_pad = pool.count_include_pad}),
                     x.place, -1, *y);
  }
  Status add(const op::Pool& op) {
    const Result<Placed> x = images(input());
    return x.ok() ? add_pool(*x, op.pool) : x.status();
  }
  Status add(const op::GlobalPool& op) {
    const Result<Placed> x = images(input());
    if (!x.ok()) return x.status();
    const Images size = images_of(*x);
    return add_pool(*x, {.kind = op.kind, .window = {size.h, size.w}});
  }

  Status add(const op::ResizeNearest& op) {
    const Placed x = place_of(input());
    Result<Placed> y = make(x.order);
    if (!y.ok()) return y.status();
    std::vector<CopyAxis> axes = copy_axes(x, *y);
    for (std::size_t i = 0; i < axes.size(); ++i)
      axes[i].divide = y->order[i] == 2 ? op.h : y->order[i] == 3 ? op.w : 1;
    return add_copied(x, *y, std::move(axes), 0);
  }

  Status add(const op::Softmax& op) {
    const Placed x = place_of(input());
    Result<Placed> y = make(x.order);
    if (!y.ok()) return y.status();
    const Extents memory = x.memory_extents();
    SoftmaxProblem problem = {.dtype = network_->dtype};
    std::size_t at_axis = 0;
    while (x.order[at_axis] != op.axis) ++at_axis;
    for (std::size_t i = 0; i < memory.size(); ++i)
      (i < at_axis ? problem.outer : i == at_axis ? problem.length : problem.inner) *= memory[i];
    problem.length = memory[at_axis];
    if (x.order[0] == 0 && at_axis > 0) problem.n = first_extent(x);
    return add_layer(plan_softmax(problem), x.place, -1, *y, problem.n);
  }

  // A part of x into y, or into a part of y.
  Status add_copied(const Placed& x, const Placed& y, std::vector<CopyAxis> axes,
                    std::int64_t x_offset, float fill = 0) {
    set(y);
    return add_layer(plan_copy({.from = network_->dtype,
                                .to = network_->dtype,
                                .axes = std::move(axes),
                                .x_offset = x_offset,
                                .fill = fill,
                                .batched = batched(node().output)}),
                     x.place, -1, y);
  }

  Status add(const op::Concat& op) {
    AxisOrder order = place_of(input()).order;
    for (const int part : node().inputs) {
      if (place_of(part).order != order) order = plain_order(order.size());
    }
    Result<Placed> y = make(order);
    if (!y.ok()) return y.status();
    set(*y);
    const std::size_t axis = static_cast<std::size_t>(op.axis);
    std::int64_t begin = 0;
    for (const int part : node().inputs) {
      const Placed x = place_of(part);
      Placed region = *y;  // of y's strides, but of x's extents
      std::vector<CopyAxis> axes = copy_axes(x, region);
      for (std::size_t i = 0; i < axes.size(); ++i) {
        const auto along = static_cast<std::size_t>(y->order[i]);
        if (along != axis && x.extents[along] != y->extents[along]) {
          return invalid("tensors that are put together differ along another axis",
                         text(to_string(x.extents), " in ", to_string(y->extents)),
                         "use inputs of other extents");
        }
        axes[i].extent = x.extents[along];
      }
      const Result<Layer> layer = plan_copy({.from = network_->dtype,
                                             .to = network_->dtype,
                                             .axes = std::move(axes),
                                             .y_offset = begin * y->strides()[axis],
                                             .batched = axis != 0 && batched(node().output)});
      if (!layer.ok()) return layer.status();
      add_step(*layer, node().output, "concat", x.place, -1, y->place, first_extent(*y));
      begin += x.extents[axis];
    }
    return {};
  }

  Status add(const op::Slice& op) {
    const Placed x = place_of(input());
    Result<Placed> y = make(x.order);
    if (!y.ok()) return y.status();
    const auto axis = static_cast<std::size_t>(op.axis);
    const SliceRange range = slice_range(x.extents[axis], op.begin, op.end, op.step);
    std::vector<CopyAxis> axes = copy_axes(x, *y);
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (y->order[i] != op.axis) continue;
      axes[i].x_stride *= op.step;
      axes[i].x_extent = range.count;
    }
    return add_copied(x, *y, std::move(axes), range.begin * x.strides()[axis]);
  }

  Status add(const op::Pad& op) {
    const Placed x = place_of(input());
    Result<Placed> y = make(x.order);
    if (!y.ok()) return y.status();
    std::vector<CopyAxis> axes = copy_axes(x, *y);
    for (std::size_t i = 0; i < axes.size(); ++i)
      axes[i].x_begin = -op.before[static_cast<std::size_t>(y->order[i])];
    return add_copied(x, *y, std::move(axes), 0, op.fill);
  }

  Status add(const op::Reshape&) {
    const Result<Placed> x = in_order(input(), plain_order(place_of(input()).extents.size()));
    if (!x.ok()) return x.status();
    Extents extents = extents_of(node().output);
    const std::size_t rank = extents.size();
    Placed y = {x->place, std::move(extents), plain_order(rank)};
    if (y.elements() != x->elements()) {
      return invalid("the extents of a reshape hold another number of elements",
                     text(to_string(x->extents), " -> ", to_string(y.extents)),
                     "use inputs of other extents");
    }
    set(std::move(y));
    return {};
  }

  // Another view of the same memory.
  Status add(const op::Transpose& op) {
    const Placed& x = place_of(input());
    Placed y = {x.place, extents_of(node().output), {}};
    for (const int axis : x.order) {
      const auto found = std::ranges::find(op.order, axis);
      y.order.push_back(static_cast<int>(found - op.order.begin()));
    }
    set(std::move(y));
    return {};
  }

  Status add(const op::Identity&) {
    set(place_of(input()));
    return {};
  }

  Status add_output(const GraphOutput& output) {
    const Placed x = place_of(output.value);
    const bool as_f32 = options_.output == NetworkPlanOptions::Output::f32;
    const DataType to = as_f32 ? DataType::f32 : network_->dtype;
    const std::size_t index = outputs_of_plan_.size();
    Port port = {output.name, x.extents, static_cast<std::size_t>(x.elements()) * size_of(to)};
    places_.push_back({.kind = Place::Kind::output, .bytes = port.bytes, .index = index});
    const Placed y = {static_cast<int>(places_.size()) - 1, x.extents,
                      plain_order(x.extents.size())};
    outputs_of_plan_.push_back(std::move(port));
    return add_copy(output.value, x, y, network_->dtype, to, "output");
  }

  // -- the end

  Status keep_tensors() {
    std::vector<std::string> names = options_.keep;
    if (options_.keep_all) {
      for (const GraphNode& each : graph_.nodes) {
        if (!as<op::Known>(each))
          names.push_back(graph_.values[static_cast<std::size_t>(each.output)].name);
      }
    }
    for (const std::string& name : names) {
      const auto found = graph_.names.find(name);
      const int value = found == graph_.names.end() ? -1 : found->second;
      if (value < 0)
        return invalid("no tensor of the name to keep", text('"', name, '"'),
                       "see Graph::to_string()");
      const Placed& placed = place_of(value);
      if (placed.place < 0 ||
          places_[static_cast<std::size_t>(placed.place)].kind != Place::Kind::arena) {
        return invalid("a tensor to keep is part of another step, or a constant",
                       text('"', name, '"'),
                       "create the network with NetworkOptions::fuse or blocks off, or keep what "
                       "the step makes");
      }
      kept_.emplace(name, placed);
    }
    return {};
  }

  std::vector<Lifetime> lifetimes() const {
    std::vector<Lifetime> result;
    const int end = static_cast<int>(steps_.size());
    for (const Place& place : places_) result.push_back({place.bytes, end, -1});
    const auto touch = [&](int place, int step) {
      if (place < 0) return;
      Lifetime& life = result[static_cast<std::size_t>(place)];
      life.first = std::min(life.first, step);
      life.last = std::max(life.last, step);
    };
    for (int i = 0; i < end; ++i) {
      const PlannedStep& step = steps_[static_cast<std::size_t>(i)];
      for (const int place : {step.x, step.z, step.y, step.scratch}) touch(place, i);
    }
    for (const auto& [name, placed] : kept_) touch(placed.place, end);
    return result;
  }

  Result<NetworkPlanData> finish() {
    std::vector<Lifetime> in_arena;
    std::vector<std::size_t> which;
    const std::vector<Lifetime> all = lifetimes();
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (places_[i].kind != Place::Kind::arena || all[i].last < 0) continue;
      in_arena.push_back(all[i]);
      which.push_back(i);
      explanation_.tensor_bytes += all[i].bytes;
    }
    const MemoryPlan memory = plan_memory(in_arena);
    for (std::size_t i = 0; i < which.size(); ++i) places_[which[i]].offset = memory.offsets[i];
    explanation_.workspace_bytes = memory.bytes;
    explanation_.device = network_->speed.to_string();
    std::map<std::string, KeptTensor, std::less<>> kept;
    for (const auto& [name, placed] : kept_) {
      kept[name] = {places_[static_cast<std::size_t>(placed.place)].offset, network_->dtype,
                    placed.extents, placed.order};
    }
    std::string fixed = fixed_batch();
    return NetworkPlanData{std::move(network_),
                           n_,
                           std::move(steps_),
                           std::move(places_),
                           std::move(inputs_of_plan_),
                           std::move(outputs_of_plan_),
                           memory.bytes,
                           std::move(kept),
                           std::move(fixed),
                           std::move(explanation_)};
  }

  std::string fixed_batch() const {
    if (batch_ >= 0) return "the model fixes the batch";
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!steps_[i].batched)
        return text("the images of \"", explanation_.steps[i].tensor,
                    "\" are not its first extent");
    }
    return "";
  }

  std::shared_ptr<const NetworkData> network_;
  const GraphData& graph_;
  const NetworkPlanOptions& options_;

  std::vector<std::int64_t> open_;  // values of the graph's expressions
  std::vector<Extents> inputs_;
  SymbolicExtent batch_ = 0;
  int n_ = 1;

  std::size_t node_ = 0;        // that is planned
  std::vector<Placed> placed_;  // of each value
  std::map<std::pair<int, AxisOrder>, Placed> copies_;
  std::vector<Place> places_;
  std::vector<PlannedStep> steps_;
  std::vector<Port> inputs_of_plan_ = std::vector<Port>(graph_.inputs.size());
  std::vector<Port> outputs_of_plan_;
  std::map<std::string, Placed> kept_;
  NetworkPlanExplanation explanation_;
};

}  // namespace

Result<NetworkPlanData> plan_network(std::shared_ptr<const NetworkData> network,
                                     const NetworkPlanOptions& options) {
  return Planner(std::move(network), options).plan();
}

}  // namespace foldconv::host
