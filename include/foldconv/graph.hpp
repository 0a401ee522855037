// SPDX-License-Identifier: MIT
/// @file
/// A network as a description on the host: tensors, and the operations between them. Made by hand, by
/// foldconv/models.hpp or by foldconv/onnx.hpp; Network::create() (foldconv/network.hpp) folds and fuses it.
///
///     Graph graph;
///     Value x = graph.input("image", {kOpen, 3, kOpen, kOpen});
///     x = graph.conv(x, {.weights = w1, .stride = {2, 2}, .pad = Padding::same(3)}, "conv1");
///     x = graph.batch_norm(x, {.gamma = g, .beta = b, .mean = m, .variance = v, .eps = Epsilon(1e-5)}, "bn1");
///     x = graph.activate(x, Activation::relu, "relu1");
///     graph.output(graph.softmax(graph.linear(graph.flatten(x), {.weights = w2}, "fc"), 1), "probabilities");
///     if (!graph.status()) return report(graph.status());
///
/// Extents are the model's, images n, c, h, w, as frameworks have them; how tensors lie in memory is the plan's
/// business. Extents may be open until Network::plan().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "foldconv/activation.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/fold.hpp"
#include "foldconv/status.hpp"

namespace foldconv {

/// Of a tensor, outermost first; none: one number.
using Extents = std::vector<std::int64_t>;
inline constexpr std::int64_t kOpen = -1;  ///< an extent that Network::plan() gives

/// "1x3x224x224"; "?" where an extent is open; "scalar" without extents.
FOLDCONV_API std::string to_string(const Extents& extents);

/// fp32 values on the host, row-major, with their extents. Immutable, cheap to copy. Where there is no memory for it, not
/// given.
class FOLDCONV_API Constant {
 public:
  Constant() = default;  ///< none: nothing was given
  Constant(Extents extents, std::vector<float> values) noexcept;
  /// `values` lie in something that `owner` keeps, such as a mapped file.
  Constant(Extents extents, std::span<const float> values,
           std::shared_ptr<const void> owner) noexcept;

  bool given() const noexcept { return data_ != nullptr; }
  const Extents& extents() const noexcept;
  std::span<const float> values() const noexcept;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

/// A tensor of the graph that made it.
struct Value {
  int id = -1;
  friend bool operator==(const Value&, const Value&) = default;
};

/// An extent of a reshape's result.
struct ReshapeExtent {
  std::int64_t value = kOpen;  ///< kOpen, once at most: what is left
  /// Where it is the extent `axis` of another tensor, which may be open until plan(). Then `value` is not read.
  Value of = {};
  int axis = 0;
};

struct ConvNode {
  Constant weights;    ///< k, c / groups, r, s
  Constant bias = {};  ///< k, or not given
  Extent stride = {1, 1};
  Padding pad = {};
  Extent dilation = {1, 1};
  int groups = 1;
};

/// Over axis 1; arrays of its extent.
struct BatchNormNode {
  Constant gamma = {}, beta = {};  ///< not given: 1 and 0
  Constant mean, variance;
  Epsilon eps;
};

enum class PoolKind : std::uint8_t { max, average };

/// As in ONNX. With ceil_mode the last window may reach over the padding, but must begin in front of it.
struct PoolNode {
  PoolKind kind = PoolKind::max;
  Extent window = {1, 1}, stride = {1, 1};
  Padding pad = {};  ///< of no value for max; 0 for average
  Extent dilation = {1, 1};
  bool ceil_mode = false;
  bool count_include_pad = false;  ///< average: divide by the padded pixels, too
};

/// Local response normalisation: x / (bias + alpha / size * sum of x^2 over `size` channels around)^beta, as in ONNX's LRN.
struct LrnNode {
  int size = 5;
  float alpha = 1e-4f, beta = 0.75f, bias = 1;
};

/// y[.., k] = sum_c x[.., c] * weights[k, c] + bias[k], over the last axis of x.
struct LinearNode {
  Constant weights;    ///< k, c
  Constant bias = {};  ///< k, or not given
};

struct GraphNode;
struct GraphOutput;

/// Tensors and operations. A call that adds an operation returns the tensor that it makes, called `name` (which must be
/// another for each tensor; empty: a number). A call that fails returns `Value{}` and is remembered: status(). Calls
/// behind a failure do nothing. Spans and constants are shared, not copied. Shapes are checked as far as they are known.
///
/// Not thread-safe: one thread a graph; copies are graphs of their own. Allocates host memory; where there is none, that
/// is its status().
class FOLDCONV_API Graph {
 public:
  Graph();
  /// Copies only: no Graph is ever empty. Cheap: a copy shares all until one of the two is changed.
  Graph(const Graph&) = default;
  Graph& operator=(const Graph&) = default;

  Value input(std::string_view name, Extents extents);
  Value constant(Constant values, std::string_view name = {});

  /// x: n, c, h, w.
  Value conv(Value x, const ConvNode& node, std::string_view name = {});
  /// x: n, c, h, w.
  Value pool(Value x, const PoolNode& node, std::string_view name = {});
  /// x: n, c, h, w; the result: n, c, 1, 1.
  Value global_pool(Value x, PoolKind kind, std::string_view name = {});
  /// Each pixel of x (n, c, h, w) `h` times below and `w` times beside itself.
  Value resize_nearest(Value x, int h, int w, std::string_view name = {});

  /// x: n, c and any further extents.
  Value batch_norm(Value x, const BatchNormNode& node, std::string_view name = {});

  /// x: n, c, h, w.
  Value lrn(Value x, const LrnNode& node, std::string_view name = {});

  Value activate(Value x, const Activation& activation, std::string_view name = {});
  /// Broadcast as NumPy does it.
  Value add(Value a, Value b, std::string_view name = {});
  /// Broadcast as NumPy does it.
  Value multiply(Value a, Value b, std::string_view name = {});

  Value linear(Value x, const LinearNode& node, std::string_view name = {});
  /// Over one axis; negative ones from the end.
  Value softmax(Value x, int axis, std::string_view name = {});

  Value concat(const std::vector<Value>& parts, int axis, std::string_view name = {});
  /// Elements `begin`, `begin + step`, .. before `end` (behind it, for a negative step) of an axis. Both ends as in Python:
  /// negative ones count from the end, those outside are cut off.
  Value slice(Value x, int axis, std::int64_t begin, std::int64_t end, std::int64_t step = 1,
              std::string_view name = {});
  /// So many elements of `fill` before and behind each axis; negative ones cut off.
  Value pad(Value x, std::vector<std::int64_t> before, std::vector<std::int64_t> behind,
            float fill = 0, std::string_view name = {});
  Value reshape(Value x, std::vector<ReshapeExtent> extents, std::string_view name = {});
  Value flatten(Value x, int axis = 1, std::string_view name = {});  ///< to two extents
  /// Axis i of the result is axis order[i] of x.
  Value transpose(Value x, std::vector<int> order, std::string_view name = {});
  /// The same tensor under another name.
  Value identity(Value x, std::string_view name);

  /// Networks have one or more, in the order of the calls. A tensor may be one several times, under different names.
  void output(Value x, std::string_view name);

  /// What the following calls are part of, for messages: node "Conv_3" (Conv, opset 13).
  void set_origin(std::string_view origin);

  /// ok, or the first call that failed.
  const Status& status() const noexcept;

  /// As far as they are known: kOpen else.
  Extents extents(Value x) const;
  /// The constant that x is, or not given.
  Constant constant_of(Value x) const;
  /// Of a name that was given to a tensor, or `Value{}`.
  Value find(std::string_view name) const;

  std::string to_string() const;  ///< a line for each operation

  /// Each behind those that make its inputs (foldconv/graph_node.hpp).
  const std::vector<GraphNode>& nodes() const noexcept;
  const std::vector<GraphOutput>& outputs() const noexcept;
  std::string name(Value x) const;  ///< "" of a `Value{}`

 private:
  friend struct host::Internals;
  struct Data;
  Data& own();
  std::shared_ptr<Data> data_;
};

}  // namespace foldconv
