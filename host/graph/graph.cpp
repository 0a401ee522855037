// SPDX-License-Identifier: MIT
// Graph: its calls add nodes, and check what is known.
#include "foldconv/graph.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "graph/graph_data.hpp"
#include "graph/shape_rules.hpp"

namespace foldconv {

using host::GraphData;
using host::invalid;
using host::SymbolicExtents;
using host::text;

namespace {

bool has(const GraphData& graph, Value x) {
  if (x.id < 0 || x.id >= std::ssize(graph.values)) return false;
  return graph.values[static_cast<std::size_t>(x.id)].node >= 0;
}

// A name for a tensor that has none, or that another one has already.
Result<std::string> name_for(const GraphData& graph, std::string_view name) {
  if (name.empty()) {
    std::string number = text('%', graph.values.size());  // which no framework's names begin with
    while (graph.names.contains(number)) number += '_';
    return number;
  }
  if (!graph.names.contains(name)) return std::string(name);
  return invalid("two tensors of one name", text('"', name, '"'), "give each another name");
}

Value append_node(GraphData& graph, Operation operation, std::vector<int> inputs,
                  SymbolicExtents extents, std::string name) {
  const int id = static_cast<int>(graph.values.size());
  graph.names.emplace(name, id);
  graph.values.push_back(
      {std::move(name), std::move(extents), static_cast<int>(graph.nodes.size())});
  graph.nodes.push_back({std::move(operation), std::move(inputs), id, graph.origin});
  return {id};
}

// "conv1, node "Conv_3" (Conv, opset 13): .."
Status located(const GraphData& graph, std::string_view name, const char* operation,
               const Status& status) {
  std::string place = name.empty() ? operation : text(operation, " \"", name, '"');
  if (!graph.origin.empty()) place = graph.origin;
  return host::at(place, status);
}

}  // namespace

namespace host {

std::string describe(const GraphData& graph, const GraphNode& node) {
  const std::string& name = graph.values[static_cast<std::size_t>(node.output)].name;
  if (!node.origin.empty()) return text(node.origin, " -> \"", name, '"');
  return text(to_string(node.operation), " \"", name, '"');
}

void keep_nodes(GraphData& graph, const std::vector<bool>& keep) {
  std::vector<GraphNode> kept;
  for (std::size_t i = 0; i < keep.size(); ++i) {
    int& node = graph.values[static_cast<std::size_t>(graph.nodes[i].output)].node;
    if (keep[i]) {
      node = static_cast<int>(kept.size());
      kept.push_back(std::move(graph.nodes[i]));
    } else if (node == static_cast<int>(i)) {
      node = -1;
    }
  }
  graph.nodes = std::move(kept);
  std::erase_if(graph.names, [&](const auto& named) {
    return graph.values[static_cast<std::size_t>(named.second)].node < 0;
  });
}

// Adds a node, unless something failed before or fails now.
struct GraphBuilder {
  GraphData& graph;

  Value fail(std::string_view name, const char* operation, const Status& status) {
    if (graph.status.ok()) graph.status = located(graph, name, operation, status);
    return {};
  }

  Value add(Operation operation, const std::vector<Value>& inputs, std::string_view name) {
    return with_extents(std::move(operation), inputs, name,
                        [&](const Operation& made, std::span<const SymbolicExtents> extents) {
                          return shape_of(made, extents, graph.table);
                        });
  }

  template <class ShapeOf>
  Value with_extents(Operation operation, const std::vector<Value>& inputs, std::string_view name,
                     ShapeOf&& shape) {
    if (!graph.status.ok()) return {};
    const char* kind = to_string(operation);
    constexpr std::size_t kMostValues = std::size_t{1} << 18;
    if (graph.values.size() >= kMostValues) {
      return fail(name, kind,
                  invalid("the graph has too many tensors", text(graph.values.size()),
                          "cut it into smaller ones"));
    }
    std::vector<int> ids;
    std::vector<SymbolicExtents> extents;
    for (const Value x : inputs) {
      if (!has(graph, x)) {
        return fail(name, kind,
                    invalid("an operand is no tensor of this graph", text("id ", x.id),
                            "give what a call of the same graph returned"));
      }
      ids.push_back(x.id);
      extents.push_back(graph.values[static_cast<std::size_t>(x.id)].extents);
    }
    Result<SymbolicExtents> made = shape(operation, extents);
    if (!made.ok()) return fail(name, kind, made.status());
    if (made->size() > kMostExtents) {
      return fail(name, kind,
                  error(ErrorCode::unsupported, "takes tensors of up to 6 extents",
                        to_string(ExtentTable::known(*made)), "use fewer"));
    }
    Result<std::string> unique = name_for(graph, name);
    if (!unique.ok()) return fail(name, kind, unique.status());
    return append_node(graph, std::move(operation), std::move(ids), std::move(*made),
                       std::move(*unique));
  }

  // An axis of x as axis_of() has it; nothing where there is none, which is then the graph's status.
  std::optional<int> axis(Value x, int axis, const char* operation, std::string_view name) {
    if (!graph.status.ok() || !has(graph, x)) return 0;  // add() says what is wrong
    const Result<int> found =
        axis_of(axis, graph.values[static_cast<std::size_t>(x.id)].extents.size());
    if (found.ok()) return *found;
    fail(name, operation, found.status());
    return std::nullopt;
  }

  static constexpr std::size_t kMostExtents = 6;
};

}  // namespace host

namespace {
using host::GraphBuilder;
}

const char* to_string(const Operation& operation) noexcept {
  constexpr const char* kNames[] = {
      "input",   "constant",  "conv",     "batch_norm", "activate", "binary", "pool",
      "pool",    "resize",    "linear",   "softmax",    "concat",   "slice",  "pad",
      "reshape", "transpose", "identity", "stage",      "gate",     "stem",   "lrn"};
  static_assert(std::size(kNames) == std::variant_size_v<Operation>);
  return kNames[operation.index()];
}

std::string to_string(const Extents& extents) {
  return host::guarded_text([&] {
    std::string out;
    for (const std::int64_t d : extents) {
      if (!out.empty()) out += 'x';
      out += d < 0 ? "?" : text(d);
    }
    return out.empty() ? std::string("scalar") : out;
  });
}

Constant::Constant(Extents extents, std::vector<float> values) noexcept {
  try {
    auto data = std::make_shared<Data>();
    data->extents = std::move(extents);
    data->kept = std::move(values);
    data->values = data->kept;
    data_ = std::move(data);
  } catch (...) {
  }
}
Constant::Constant(Extents extents, std::span<const float> values,
                   std::shared_ptr<const void> owner) noexcept {
  try {
    data_ = std::make_shared<const Data>(Data{std::move(extents), {}, values, std::move(owner)});
  } catch (...) {
  }
}
const Extents& Constant::extents() const noexcept {
  static const Extents kNone;
  return data_ ? data_->extents : kNone;
}
std::span<const float> Constant::values() const noexcept {
  return data_ ? data_->values : std::span<const float>();
}

namespace {

// Of a graph for which there is no memory.
const std::shared_ptr<GraphData> kNoMemory = [] {
  auto data = std::make_shared<GraphData>();
  data->status = host::out_of_host_memory();
  return data;
}();

// What `call` adds to a graph, unless memory runs out on the way.
template <class Call>
Value guarded_value(GraphData& graph, Call&& call) noexcept {
  try {
    return call(GraphBuilder{graph});
  } catch (...) {
    graph.status = host::out_of_host_memory();
    return {};
  }
}

}  // namespace

Graph::Graph() : data_(kNoMemory) {
  try {
    data_ = std::make_shared<Data>();
  } catch (...) {
  }
}

// The graph's data, shared with no copy.
Graph::Data& Graph::own() {
  if (data_.use_count() == 1 || data_ == kNoMemory) return *data_;
  try {
    data_ = std::make_shared<Data>(*data_);
  } catch (...) {
    data_ = kNoMemory;
  }
  return *data_;
}

Value Graph::input(std::string_view name, Extents extents) {
  return guarded_value(own(), [&](GraphBuilder builder) -> Value {
    GraphData& graph = builder.graph;
    const int index = static_cast<int>(graph.inputs.size());
    const auto shape = [&](const Operation&, auto) -> Result<SymbolicExtents> {
      if (extents.size() > GraphBuilder::kMostExtents) return SymbolicExtents(extents);
      for (std::size_t axis = 0; axis < extents.size(); ++axis) {
        std::int64_t& d = extents[axis];
        if (d == kOpen) {
          d = graph.table.open(index, static_cast<int>(axis));
        } else if (d < 1 || d > std::numeric_limits<int>::max()) {
          return invalid("an extent of an input is not between 1 and 2^31 - 1", text(d),
                         "give such an extent, or kOpen");
        }
      }
      return SymbolicExtents(extents);
    };
    const Value x = builder.with_extents(op::Input{index}, {}, name, shape);
    if (x != Value{}) graph.inputs.push_back(x.id);
    return x;
  });
}

Value Graph::constant(Constant values, std::string_view name) {
  return guarded_value(
      own(), [&](GraphBuilder builder) { return builder.add(op::Known{values}, {}, name); });
}

Value Graph::conv(Value x, const ConvNode& node, std::string_view name) {
  return guarded_value(
      own(), [&](GraphBuilder builder) { return builder.add(op::Conv{node}, {x}, name); });
}
Value Graph::pool(Value x, const PoolNode& node, std::string_view name) {
  return guarded_value(
      own(), [&](GraphBuilder builder) { return builder.add(op::Pool{node}, {x}, name); });
}
Value Graph::global_pool(Value x, PoolKind kind, std::string_view name) {
  return guarded_value(
      own(), [&](GraphBuilder builder) { return builder.add(op::GlobalPool{kind}, {x}, name); });
}
Value Graph::resize_nearest(Value x, int h, int w, std::string_view name) {
  return guarded_value(own(), [&](GraphBuilder builder) {
    return builder.add(op::ResizeNearest{h, w}, {x}, name);
  });
}
Value Graph::batch_norm(Value x, const BatchNormNode& node, std::string_view name) {
  return guarded_value(
      own(), [&](GraphBuilder builder) { return builder.add(op::BatchNorm{node}, {x}, name); });
}
Value Graph::lrn(Value x, const LrnNode& node, std::string_view name) {
  return guarded_value(own(),
                       [&](GraphBuilder builder) { return builder.add(op::Lrn{node}, {x}, name); });
}
Value Graph::activate(Value x, const Activation& activation, std::string_view name) {
  return guarded_value(own(), [&](GraphBuilder builder) {
    return builder.add(op::Activate{activation}, {x}, name);
  });
}
Value Graph::add(Value a, Value b, std::string_view name) {
  return guarded_value(own(), [&](GraphBuilder builder) {
    return builder.add(op::Binary{op::Binary::Kind::add}, {a, b}, name);
  });
}
Value Graph::multiply(Value a, Value b, std::string_view name) {
  return guarded_value(own(), [&](GraphBuilder builder) {
    return builder.add(op::Binary{op::Binary::Kind::multiply}, {a, b}, name);
  });
}
Value Graph::linear(Value x, const LinearNode& node, std::string_view name) {
  return guarded_value(
      own(), [&](GraphBuilder builder) { return builder.add(op::Linear{node}, {x}, name); });
}

Value Graph::softmax(Value x, int axis, std::string_view name) {
  return guarded_value(own(), [&](GraphBuilder builder) -> Value {
    const std::optional<int> from_front = builder.axis(x, axis, "softmax", name);
    return from_front ? builder.add(op::Softmax{*from_front}, {x}, name) : Value{};
  });
}

Value Graph::concat(const std::vector<Value>& parts, int axis, std::string_view name) {
  return guarded_value(own(), [&](GraphBuilder builder) -> Value {
    GraphData& graph = builder.graph;
    if (parts.empty() && graph.status.ok())
      return builder.fail(name, "concat",
                          invalid("nothing to put together", "0 tensors", "give one or more"));
    const std::optional<int> from_front =
        parts.empty() ? std::nullopt : builder.axis(parts[0], axis, "concat", name);
    return from_front ? builder.add(op::Concat{*from_front}, parts, name) : Value{};
  });
}

Value Graph::slice(Value x, int axis, std::int64_t begin, std::int64_t end, std::int64_t step,
                   std::string_view name) {
  return guarded_value(own(), [&](GraphBuilder builder) -> Value {
    const std::optional<int> from_front = builder.axis(x, axis, "slice", name);
    return from_front ? builder.add(op::Slice{*from_front, begin, end, step}, {x}, name) : Value{};
  });
}

Value Graph::pad(Value x, std::vector<std::int64_t> before, std::vector<std::int64_t> behind,
                 float fill, std::string_view name) {
  return guarded_value(own(), [&](GraphBuilder builder) {
    return builder.add(op::Pad{std::move(before), std::move(behind), fill}, {x}, name);
  });
}

Value Graph::reshape(Value x, std::vector<ReshapeExtent> extents, std::string_view name) {
  return guarded_value(own(), [&](GraphBuilder builder) -> Value {
    GraphData& graph = builder.graph;
    const auto shape = [&](const Operation&,
                           std::span<const SymbolicExtents> inputs) -> Result<SymbolicExtents> {
      SymbolicExtents result;
      std::optional<std::size_t> left;
      for (const ReshapeExtent& extent : extents) {
        if (extent.of != Value{}) {
          if (!has(graph, extent.of)) {
            return invalid("an extent is of no tensor of this graph", text("id ", extent.of.id),
                           "give what a call of the same graph returned");
          }
          const SymbolicExtents& of = graph.values[static_cast<std::size_t>(extent.of.id)].extents;
          const Result<int> axis = host::axis_of(extent.axis, of.size());
          if (!axis.ok()) return axis.status();
          result.push_back(of[static_cast<std::size_t>(*axis)]);
        } else if (extent.value == kOpen && !left) {
          left = result.size();
          result.push_back(1);
        } else if (extent.value >= 1) {
          result.push_back(extent.value);
        } else {
          return invalid("an extent of a reshape is below 1, or a second one is open",
                         text(extent.value), "give 1 or more, and kOpen once at most");
        }
      }
      if (left) result[*left] = graph.table.quotient(inputs[0], result);
      const SymbolicExtents ratio = {graph.table.quotient(inputs[0], result)};
      if ((left && result[*left] == 0) || (ratio[0] >= 0 && ratio[0] != 1)) {
        Extents shown = host::ExtentTable::known(result);
        if (left) shown[*left] = kOpen;
        return invalid("the extents of a reshape hold another number of elements",
                       text(foldconv::to_string(host::ExtentTable::known(inputs[0])), " -> ",
                            foldconv::to_string(shown)),
                       "give extents of the same product");
      }
      return result;
    };
    return builder.with_extents(op::Reshape{}, {x}, name, shape);
  });
}

Value Graph::flatten(Value x, int axis, std::string_view name) {
  return guarded_value(own(), [&](GraphBuilder builder) -> Value {
    GraphData& graph = builder.graph;
    const auto shape = [&](const Operation&,
                           std::span<const SymbolicExtents> inputs) -> Result<SymbolicExtents> {
      const SymbolicExtents& from = inputs[0];
      const int rank = static_cast<int>(from.size());
      const int front = axis < 0 ? axis + rank : axis;
      if (front < 0 || front > rank)
        return invalid("the tensor has no such axis", text("axis ", axis, " of ", rank),
                       text("use ", -rank, " to ", rank));
      const std::span<const host::SymbolicExtent> all = from;
      const std::size_t first = static_cast<std::size_t>(front);
      SymbolicExtents result = {graph.table.quotient(all.first(first), {}),
                                graph.table.quotient(all.subspan(first), {})};
      if (result[0] == 0 || result[1] == 0) {
        return invalid("an extent of 2^63 or more",
                       foldconv::to_string(host::ExtentTable::known(from)),
                       "flatten a smaller tensor");
      }
      return result;
    };
    return builder.with_extents(op::Reshape{}, {x}, name, shape);
  });
}

Value Graph::transpose(Value x, std::vector<int> order, std::string_view name) {
  return guarded_value(own(), [&](GraphBuilder builder) {
    return builder.add(op::Transpose{std::move(order)}, {x}, name);
  });
}
Value Graph::identity(Value x, std::string_view name) {
  return guarded_value(
      own(), [&](GraphBuilder builder) { return builder.add(op::Identity{}, {x}, name); });
}

void Graph::output(Value x, std::string_view name) {
  guarded_value(own(), [&](GraphBuilder builder) -> Value {
    GraphData& graph = builder.graph;
    if (!graph.status.ok()) return {};
    if (!has(graph, x)) {
      return builder.fail(name, "output",
                          invalid("an output is no tensor of this graph", text("id ", x.id),
                                  "give what a call of the same graph returned"));
    }
    for (const GraphOutput& other : graph.outputs) {
      if (other.name != name) continue;
      return builder.fail(
          name, "output",
          invalid("two outputs of one name", text('"', name, '"'), "give each another name"));
    }
    graph.outputs.push_back({x.id, std::string(name)});
    return x;
  });
}

void Graph::set_origin(std::string_view origin) {
  guarded_value(own(), [&](GraphBuilder builder) -> Value {
    if (builder.graph.status.ok()) builder.graph.origin = origin;
    return {};
  });
}
const Status& Graph::status() const noexcept {
  return data_->status;
}
Extents Graph::extents(Value x) const try {
  if (!has(*data_, x)) return {};
  return host::ExtentTable::known(data_->values[static_cast<std::size_t>(x.id)].extents);
} catch (...) {
  return {};
}
Constant Graph::constant_of(Value x) const {
  if (!has(*data_, x)) return {};
  const auto node = static_cast<std::size_t>(data_->values[static_cast<std::size_t>(x.id)].node);
  const auto* known = host::as<op::Known>(data_->nodes[node]);
  return known ? known->values : Constant();
}
Value Graph::find(std::string_view name) const {
  const auto found = data_->names.find(name);
  return found == data_->names.end() ? Value{} : Value{found->second};
}

const std::vector<GraphNode>& Graph::nodes() const noexcept {
  return data_->nodes;
}
const std::vector<GraphOutput>& Graph::outputs() const noexcept {
  return data_->outputs;
}
std::string Graph::name(Value x) const {
  return host::guarded_text([&] {
    return has(*data_, x) ? data_->values[static_cast<std::size_t>(x.id)].name : std::string();
  });
}

std::string Graph::to_string() const {
  return host::guarded_text([&] {
    std::string out;
    const auto named = [&](int value) -> const std::string& {
      return data_->values[static_cast<std::size_t>(value)].name;
    };
    for (const GraphNode& node : data_->nodes) {
      if (host::as<op::Known>(node)) continue;
      out += text(named(node.output), " = ", foldconv::to_string(node.operation));
      for (const int input : node.inputs) out += text(' ', named(input));
      const auto& value = data_->values[static_cast<std::size_t>(node.output)];
      out += text("  ", foldconv::to_string(host::ExtentTable::known(value.extents)), '\n');
    }
    for (const GraphOutput& output : data_->outputs)
      out += text("output ", output.name, " = ", named(output.value), '\n');
    return out;
  });
}

}  // namespace foldconv
