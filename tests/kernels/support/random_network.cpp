// SPDX-License-Identifier: MIT
#include "kernels/support/random_network.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>
#include <string>

#include "foldconv/graph_node.hpp"

namespace foldconv::kernel_tests {
namespace {

std::int64_t elements_of(const Extents& extents) {
  return std::accumulate(extents.begin(), extents.end(), std::int64_t{1}, std::multiplies<>());
}

template <class List>
int size_of(const List& list) {
  return static_cast<int>(list.size());
}

class NetworkDraw {
 public:
  explicit NetworkDraw(unsigned seed) : engine_(seed) {}

  RandomNetwork draw() {
    n_ = integer(1, 3);
    draw_image();
    if (chance(35)) draw_other_input();
    for (int calls = integer(2, 11); calls > 0; --calls) draw_call();
    std::vector<Value> outputs = {tensors_.back()};
    for (int others = integer(0, 2); others > 0; --others) outputs.push_back(any());
    for (const Value x : outputs) {
      const std::string name = "output " + std::to_string(made_.graph.outputs().size());
      made_.graph.output(x, name);
      made_.known.output(x, name);
    }
    return std::move(made_);
  }

 private:
  int integer(int low, int high) {  // both included
    return low + static_cast<int>(engine_() % static_cast<unsigned>(high - low + 1));
  }
  // Often of whole pieces, which may lie in parts of other tensors.
  int channels(int most) { return chance(40) ? 4 * integer(1, 2) : integer(1, most); }
  bool chance(int percent) { return integer(1, 100) <= percent; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[integer(1, size_of(values)) - 1];
  }
  float number() { return static_cast<float>(integer(-1024, 1024)) / 1024; }

  Constant constant(Extents extents, float scale = 1, float centre = 0) {
    std::vector<float> values(static_cast<std::size_t>(elements_of(extents)));
    for (float& value : values) value = centre + scale * number();
    return Constant(std::move(extents), std::move(values));
  }
  Constant perhaps(Extents extents) {
    return chance(50) ? constant(std::move(extents)) : Constant();
  }

  Value any() { return tensors_[static_cast<std::size_t>(integer(1, size_of(tensors_)) - 1)]; }
  Value recent() { return chance(65) ? tensors_.back() : any(); }
  Extents extents(Value x) const { return made_.known.extents(x); }
  int rank(Value x) const { return size_of(extents(x)); }
  // Seldom the batch's.
  int axis(int rank) { return rank == 1 || chance(15) ? 0 : integer(1, rank - 1); }
  Activation activation() {
    return one_of({Activation::relu, Activation::relu6, Activation::silu, Activation::sigmoid,
                   Activation::tanh, Activation::hardswish, Activation::gelu,
                   Activation::leaky_relu(0.1f), Activation::hard_sigmoid(1 / 6.f, 0.5f),
                   Activation::hard_sigmoid(), Activation::clip(0, 6), Activation::clip(-1, 0.5f)});
  }

  // Makes the same call of both graphs; neither where one of them refuses it, or where the result is large.
  template <class Call>
  Value call(const Call& make) {
    Graph graph = made_.graph, known = made_.known;
    const Value x = make(graph);
    if (x == Value{} || make(known) != x) return {};
    constexpr std::int64_t kMostElements = 2000;
    if (elements_of(known.extents(x)) > kMostElements) return {};
    made_.graph = std::move(graph);
    made_.known = std::move(known);
    return x;
  }

  Value draw_input(const Extents& known, const Extents& open) {
    const std::string name = "input " + std::to_string(made_.inputs.size());
    const Value x = made_.graph.input(name, open);
    made_.known.input(name, known);
    made_.inputs.push_back(
        {known, std::vector<double>(static_cast<std::size_t>(elements_of(known)))});
    for (double& value : made_.inputs.back().values) value = 2 * number();
    tensors_.push_back(x);
    return x;
  }

  void draw_image() {
    Extents known = {n_};
    const int rank = one_of({2, 3, 4, 4, 4, 4});
    while (std::ssize(known) < rank) known.push_back(integer(1, 6));
    if (rank > 1) known[1] = channels(9);
    const bool nhwc = rank == 4 && chance(20);
    if (nhwc) known = {known[0], known[2], known[3], known[1]};
    Extents open = known;
    if (chance(70)) open[0] = kOpen;
    for (std::size_t i = 1; i < open.size(); ++i)
      if (chance(i == (nhwc ? 3 : 1) ? 10 : 40)) open[i] = kOpen;
    const Value x = draw_input(known, open);
    if (!nhwc) return;
    add(call([&](Graph& g) { return g.transpose(x, {0, 3, 1, 2}); }));
    if (chance(50)) tensors_.erase(tensors_.begin());
  }

  // Of extents that broadcast to the first one's, or others.
  void draw_other_input() {
    Extents known = extents(tensors_.back());
    if (chance(30)) known.erase(known.begin(), known.begin() + integer(1, size_of(known)));
    for (std::int64_t& d : known)
      if (chance(35)) d = 1;
    if (chance(15)) known = {n_, integer(1, 5)};
    Extents open = known;
    if (!open.empty() && chance(60)) open[0] = kOpen;
    draw_input(known, open);
  }

  void add(Value x) {
    if (x != Value{}) tensors_.push_back(x);
  }

  void draw_call() {
    const Value x = recent();
    const int r = rank(x);
    const bool image = r == 4;
    switch (integer(0, 30)) {
      case 0:
      case 1:
      case 2:
        return image ? add(conv(x)) : add(linear(x));
      case 3:
      case 4:
        return add(norm(x));
      case 5:
      case 6: {
        const Activation chosen = activation();
        return add(call([&](Graph& g) { return g.activate(x, chosen); }));
      }
      case 7:
      case 8:
        return add(binary(x, any()));
      case 9:
      case 10:
        return add(binary_of_constant(x));
      case 11:
        return image ? add(pool(x)) : void();
      case 12:
        return image ? add(global_pool_or_resize(x)) : void();
      case 13:
        return add(linear(x));
      case 14: {
        if (r == 0) return;
        const int along = axis(r);
        return add(call([&](Graph& g) { return g.softmax(x, along); }));
      }
      case 15:
      case 24:
      case 25:
        return add(concat(x));
      case 26:
      case 27:
      case 28:
        return image ? add(branches(x)) : void();
      case 29:
      case 30:
        return image ? add(squeezed(x)) : void();
      case 16:
        return add(slice(x));
      case 17:
        return add(pad(x));
      case 18:
        return add(reshape(x));
      case 19: {
        const int along = chance(70) ? std::min(1, r) : integer(0, r);
        return add(call([&](Graph& g) { return g.flatten(x, along); }));
      }
      case 20:
        return add(transpose(x));
      case 21:
        return add(product_form(x));
      case 22: {
        const std::string name = "same " + std::to_string(made_.graph.nodes().size());
        return add(call([&](Graph& g) { return g.identity(x, name); }));
      }
      default:
        return image ? add(chance(50) ? block(x) : inverted_block(x)) : void();
    }
  }

  Value conv(Value x) {
    const int c = static_cast<int>(extents(x)[1]);
    const int groups = chance(25) ? c : 1;
    const int k = groups > 1 ? groups * integer(1, 2) : chance(50) ? c : channels(10);
    const int r = one_of({1, 1, 2, 3, 5}), s = chance(70) ? r : integer(1, 3);
    const auto stride = [&] { return chance(70) ? 1 : 2; };
    ConvNode node = {.weights = weights({k, c / groups, r, s}),
                     .bias = perhaps({k}),
                     .stride = {stride(), stride()},
                     .pad = Padding::symmetric(r / 2, s / 2),
                     .dilation = {chance(80) ? 1 : 2, chance(80) ? 1 : 2},
                     .groups = groups};
    if (chance(30)) node.pad = {integer(0, 2), integer(0, 2), integer(0, 2), integer(0, 2)};
    return call([&](Graph& g) { return g.conv(x, node); });
  }

  // Times gates of its channels, and mostly into the 1x1 that may take the product in.
  Value squeezed(Value x) {
    const std::int64_t c = extents(x)[1];
    const auto conv_1x1 = [&](Value from, std::int64_t k) {
      if (from == Value{}) return from;
      const ConvNode node = {.weights = weights({k, extents(from)[1], 1, 1}), .bias = perhaps({k})};
      return call([&](Graph& g) { return g.conv(from, node); });
    };
    const auto activated = [&](Value from) {
      const Activation chosen = activation();
      return call([&](Graph& g) { return g.activate(from, chosen); });
    };
    Value gate = call([&](Graph& g) { return g.global_pool(x, PoolKind::average); });
    gate = activated(conv_1x1(gate, integer(1, 5)));
    gate = activated(conv_1x1(gate, chance(90) ? c : 1));
    const bool first = chance(50);
    const Value product =
        call([&](Graph& g) { return first ? g.multiply(gate, x) : g.multiply(x, gate); });
    if (chance(15)) add(product);
    return chance(85) ? conv_1x1(product, channels(10)) : product;
  }

  Constant weights(const Extents& extents) {
    const double products = static_cast<double>(elements_of(extents) / extents[0]);
    return constant(extents, static_cast<float>(std::sqrt(3 / products)));
  }

  Value norm(Value x) {
    if (rank(x) < 2) return {};
    const std::int64_t c = extents(x)[1];
    const BatchNormNode node = {.gamma = perhaps({c}),
                                .beta = perhaps({c}),
                                .mean = constant({c}),
                                .variance = constant({c}, 0.5f, 1),
                                .eps = Epsilon(1e-3)};
    return call([&](Graph& g) { return g.batch_norm(x, node); });
  }

  Value linear(Value x) {
    if (rank(x) == 0) return {};
    const std::int64_t c = extents(x).back(), k = integer(1, 9);
    const LinearNode node = {.weights = weights({k, c}), .bias = perhaps({k})};
    return call([&](Graph& g) { return g.linear(x, node); });
  }

  Value binary(Value a, Value b) {
    const bool sum = chance(65);
    return call([&](Graph& g) { return sum ? g.add(a, b) : g.multiply(a, b); });
  }

  // Of fewer extents, of more, of channels alone, and now and then behind two transposes.
  Value binary_of_constant(Value x) {
    const Extents of = extents(x), open = made_.graph.extents(x);
    Extents shape(static_cast<std::size_t>(integer(0, size_of(of))), 1);
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const std::size_t from = of.size() - shape.size() + i;
      if (chance(open[from] == kOpen ? 10 : 50)) shape[i] = of[from];
    }
    if (of.size() > 1 && chance(50)) {
      shape.assign(of.size() - (chance(50) ? 1 : 0), 1);
      shape[shape.size() - of.size() + 1] = of[1];
    }
    if (chance(15)) shape.insert(shape.begin(), static_cast<std::size_t>(integer(1, 2)), 1);
    const Constant values = constant(shape);
    Value c = call([&](Graph& g) { return g.constant(values); });
    if (shape.size() > 1 && chance(20)) {
      std::vector<int> order(shape.size());
      std::iota(order.rbegin(), order.rend(), 0);
      for (int i = 0; i < 2; ++i) c = call([&](Graph& g) { return g.transpose(c, order); });
    }
    if (chance(10)) add(c);
    return chance(50) ? binary(x, c) : binary(c, x);
  }

  Value pool(Value x) {
    const int h = integer(1, 3), w = integer(1, 3);
    PoolNode node = {.kind = one_of({PoolKind::max, PoolKind::average}),
                     .window = {h, w},
                     .stride = {integer(1, 2), integer(1, 2)},
                     .ceil_mode = chance(50),
                     .count_include_pad = chance(50)};
    // No window without a pixel.
    if (chance(20)) {
      node.dilation = {integer(1, 2), integer(1, 2)};
      node.ceil_mode = false;
    } else {
      node.pad = {integer(0, h - 1), integer(0, h - 1), integer(0, w - 1), integer(0, w - 1)};
    }
    return call([&](Graph& g) { return g.pool(x, node); });
  }

  Value global_pool_or_resize(Value x) {
    const PoolKind kind = one_of({PoolKind::max, PoolKind::average});
    if (chance(60)) return call([&](Graph& g) { return g.global_pool(x, kind); });
    const int h = integer(1, 2), w = integer(1, 3);
    return call([&](Graph& g) { return g.resize_nearest(x, h, w); });
  }

  Value concat(Value x) {
    if (rank(x) == 0) return {};
    const int along = rank(x) == 4 && chance(60) ? 1 : axis(rank(x));
    std::vector<Value> parts = {x};
    for (int others = integer(0, 2); others > 0; --others) {
      const Value other = chance(30) ? x : any();
      Extents like = extents(other);
      if (like.size() != extents(x).size()) continue;
      like[static_cast<std::size_t>(along)] = extents(x)[static_cast<std::size_t>(along)];
      if (like == extents(x)) parts.push_back(other);
    }
    return call([&](Graph& g) { return g.concat(parts, along); });
  }

  // Put together from what has the extents of its image: side by side, or each reading all before it.
  Value branches(Value x) {
    const bool dense = chance(40), keeps_all = chance(50);
    std::vector<Value> parts;
    if (dense || chance(30)) parts.push_back(x);
    for (int more = integer(1, 3); more > 0; --more) {
      Value y = branch(x);
      if (y == Value{}) return {};
      if (chance(30)) add(y);
      parts.push_back(y);
      if (!dense) continue;
      x = call([&](Graph& g) { return g.concat(parts, 1); });
      if (x == Value{}) return {};
      if (chance(50)) add(x);
      if (!keeps_all) parts = {x};
    }
    if (chance(20)) parts.push_back(parts[0]);
    return call([&](Graph& g) { return g.concat(parts, 1); });
  }

  Value branch(Value x) {
    switch (integer(0, 8)) {
      case 0:
        return norm(x);
      case 8:
        return call([&](Graph& g) { return g.lrn(x, {.size = 3, .alpha = 0.5f}); });
      case 1:
        return call([&](Graph& g) { return g.activate(x, Activation::silu); });
      case 2:
        return call([&](Graph& g) {
          return g.pool(x, {.kind = PoolKind::average, .window = {3, 3}, .pad = Padding::same(1)});
        });
      case 3:
        return call([&](Graph& g) { return g.add(x, x); });
      case 4:
        return block(x);
      default: {
        const int k = chance(80) ? 4 * integer(1, 2) : integer(1, 9), r = one_of({1, 3});
        const ConvNode node = {.weights = weights({k, extents(x)[1], r, r}),
                               .bias = perhaps({k}),
                               .pad = Padding::same(r / 2)};
        const Value y = call([&](Graph& g) { return g.conv(x, node); });
        return y == Value{} || chance(50)
                   ? y
                   : call([&](Graph& g) { return g.activate(y, Activation::relu); });
      }
    }
  }

  Value slice(Value x) {
    if (rank(x) == 0) return {};
    if (rank(x) == 4 && chance(50)) {
      const int whole = 4 * integer(0, 2), behind = chance(50) ? 4 * integer(1, 3) : integer(1, 20);
      return call([&](Graph& g) { return g.slice(x, 1, whole, behind); });
    }
    const int along = axis(rank(x)), begin = integer(-5, 5), end = integer(-15, 15);
    const int step = one_of({1, 1, 2, -1, -2, 3});
    return call([&](Graph& g) { return g.slice(x, along, begin, end, step); });
  }

  Value pad(Value x) {
    const auto axes = static_cast<std::size_t>(rank(x));
    std::vector<std::int64_t> before(axes), behind(axes);
    const bool around_image = axes == 4 && chance(50);
    for (std::size_t i = around_image ? 2 : chance(90) ? 1 : 0; i < axes; ++i) {
      before[i] = integer(around_image ? 0 : -1, 2);
      behind[i] = integer(around_image ? 0 : -1, 2);
    }
    const float fill = one_of({0.f, 0.f, 1.5f});
    return call([&](Graph& g) { return g.pad(x, before, behind, fill); });
  }

  Value reshape(Value x) {
    const Extents of = extents(x);
    std::vector<ReshapeExtent> shape;
    for (int i = 0; i < rank(x); ++i) {
      const std::int64_t d = of[static_cast<std::size_t>(i)];
      if (d == 1 && chance(30)) continue;
      if (chance(10)) shape.push_back({1});
      const std::int64_t open = made_.graph.extents(x)[static_cast<std::size_t>(i)];
      if (open != kOpen && d % 2 == 0 && chance(20)) {
        shape.insert(shape.end(), {{2}, {d / 2}});
      } else if (open != kOpen && chance(50)) {
        shape.push_back({d});
      } else {
        shape.push_back({.of = x, .axis = i});
      }
    }
    // Two extents as one, or what is left.
    if (shape.size() > 1 && chance(50)) {
      const int i = axis(size_of(shape));
      shape[static_cast<std::size_t>(i)] = {kOpen};
      if (i > 1 || (i == 1 && chance(20))) shape.erase(shape.begin() + i - 1);
    }
    return call([&](Graph& g) { return g.reshape(x, shape); });
  }

  Value transpose(Value x) {
    std::vector<int> order(static_cast<std::size_t>(rank(x)));
    std::iota(order.begin(), order.end(), 0);
    const int fixed = chance(85) ? 1 : 0;
    for (int i = rank(x) - 1; i > fixed; --i)
      std::swap(order[static_cast<std::size_t>(i)],
                order[static_cast<std::size_t>(integer(fixed, i))]);
    if (rank(x) == 4 && chance(50))
      order = one_of({std::vector{0, 2, 3, 1}, std::vector{0, 3, 1, 2}});
    return call([&](Graph& g) { return g.transpose(x, order); });
  }

  // Activations as products, the numbers of any rank.
  Value product_form(Value x) {
    if (chance(50)) {
      const Activation gate =
          one_of({Activation::sigmoid, Activation::hard_sigmoid(1 / 6.f, 0.5f)});
      return call([&](Graph& g) { return g.multiply(x, g.activate(x, gate)); });
    }
    const Extents one(static_cast<std::size_t>(integer(0, 5)), 1);
    const bool divides_last = chance(50);
    return call([&](Graph& g) {
      const Value sixth = g.constant(Constant(one, {1 / 6.f}));
      const Value sum = g.add(x, g.constant(Constant(one, {3})));
      const Value gate = g.activate(sum, Activation::relu6);
      return divides_last ? g.multiply(g.multiply(x, gate), sixth)
                          : g.multiply(x, g.multiply(gate, sixth));
    });
  }

  // A residual block, or nearly one.
  Value block(Value x) {
    const int c = static_cast<int>(extents(x)[1]), middle = integer(1, 4) * 2;
    const int stride = chance(70) ? 1 : 2, k = chance(60) ? c : integer(1, 9);
    const bool bottleneck = chance(60), first = chance(50);
    const Activation inner = chance(75) ? Activation::relu : activation();
    const auto layer = [&](Value in, int to, int r, int step, bool ends) {
      if (in == Value{}) return in;
      const ConvNode node = {.weights = weights({to, extents(in)[1], r, r}),
                             .bias = perhaps({to}),
                             .stride = {step, step},
                             .pad = Padding::same(r / 2)};
      in = call([&](Graph& g) { return g.conv(in, node); });
      if (in != Value{} && chance(80)) in = norm(in);
      if (in == Value{} || ends) return in;
      return call([&](Graph& g) { return g.activate(in, inner); });
    };
    Value y = layer(x, bottleneck ? middle : k, bottleneck ? 1 : 3,
                    bottleneck && !first ? 1 : stride, false);
    if (bottleneck) y = layer(y, middle, 3, first ? 1 : stride, false);
    y = layer(y, k, bottleneck ? 1 : 3, 1, true);
    const Value shortcut =
        y == Value{} || (extents(y) == extents(x) && chance(70)) ? x : layer(x, k, 1, stride, true);
    if (y == Value{} || shortcut == Value{}) return {};
    const bool swapped = chance(50), ends = chance(80);
    return call([&](Graph& g) {
      const Value sum = swapped ? g.add(shortcut, y) : g.add(y, shortcut);
      return ends ? g.activate(sum, inner) : sum;
    });
  }

  // An inverted block, or nearly one.
  Value inverted_block(Value x) {
    const int c = static_cast<int>(extents(x)[1]), k = chance(60) ? c : integer(1, 9);
    const int r = one_of({3, 3, 5, 7}), stride = chance(70) ? 1 : 2;
    const Activation inner = chance(75) ? Activation::relu6 : activation();
    const auto layer = [&](Value in, const ConvNode& node, bool ends) {
      if (in == Value{}) return in;
      in = call([&](Graph& g) { return g.conv(in, node); });
      if (in != Value{} && chance(80)) in = norm(in);
      const Activation chosen = chance(90) ? inner : activation();
      if (in == Value{} || ends) return in;
      return call([&](Graph& g) { return g.activate(in, chosen); });
    };
    const auto dense = [&](Value in, int to) {
      return ConvNode{.weights = weights({to, in == Value{} ? 1 : extents(in)[1], 1, 1}),
                      .bias = perhaps({to})};
    };
    Value y = x;
    if (chance(75)) y = layer(y, dense(y, integer(1, 10)), false);
    if (y == Value{}) return y;
    const int middle = static_cast<int>(extents(y)[1]);
    ConvNode depthwise = {.weights = weights({middle, 1, r, chance(90) ? r : 3}),
                          .bias = perhaps({middle}),
                          .stride = {stride, chance(90) ? stride : 1},
                          .pad = Padding::same(r / 2),
                          .dilation = {chance(95) ? 1 : 2, 1},
                          .groups = middle};
    if (chance(25)) depthwise.pad = {integer(0, 2), integer(0, 2), integer(0, 2), integer(0, 2)};
    y = layer(y, depthwise, false);
    if (chance(10)) add(y);
    y = layer(y, dense(y, k), true);
    if (y == Value{}) return y;
    const bool sum = extents(y) == extents(x) && chance(80), swapped = chance(50),
               ends = chance(30);
    const Value other = chance(90) ? x : any();
    return call([&](Graph& g) {
      const Value z = !sum ? y : swapped ? g.add(other, y) : g.add(y, other);
      return ends ? g.activate(z, inner) : z;
    });
  }

  std::mt19937 engine_;
  int n_ = 1;
  RandomNetwork made_;
  std::vector<Value> tensors_;
};

}  // namespace

RandomNetwork random_network(unsigned seed) {
  return NetworkDraw(seed).draw();
}

}  // namespace foldconv::kernel_tests
