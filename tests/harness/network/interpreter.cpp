// SPDX-License-Identifier: MIT
#include "harness/network/interpreter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "foldconv/graph_node.hpp"
#include "harness/error.hpp"
#include "harness/oracle/pointwise.hpp"

namespace foldconv::harness {
namespace {

using Index = std::int64_t;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void require(bool fits, const char* what) {
  if (!fits) throw Error(ErrorCode::invalid_argument, what);
}

Index product(const Extents& extents) {
  Index result = 1;
  for (const Index d : extents) result *= d;
  return result;
}

Numbers of_extents(Extents extents) {
  for (const Index d : extents) require(d >= 1, "an operation leaves nothing");
  const auto elements = static_cast<std::size_t>(product(extents));
  return {std::move(extents), std::vector<double>(elements)};
}

std::size_t offset(const Extents& extents, const Extents& at) {
  Index result = 0;
  for (std::size_t axis = 0; axis < extents.size(); ++axis)
    result = result * extents[axis] + at[axis];
  return static_cast<std::size_t>(result);
}

double at(const Numbers& x, const Extents& index) {
  return x.values[offset(x.extents, index)];
}

double at(const Constant& array, Index i, double absent = 0) {
  return array.given() ? double{array.values()[static_cast<std::size_t>(i)]} : absent;
}

// A tensor of values that `value` has for each index.
template <class ValueAt>
Numbers filled(Extents extents, ValueAt&& value) {
  Numbers y = of_extents(std::move(extents));
  Extents index(y.extents.size());
  for (double& element : y.values) {
    element = value(std::as_const(index));
    for (std::size_t axis = index.size(); axis-- > 0;) {
      if (++index[axis] < y.extents[axis]) break;
      index[axis] = 0;
    }
  }
  return y;
}

template <class Function>
Numbers mapped(Numbers x, Function&& function) {
  for (double& value : x.values) value = function(value);
  return x;
}

// How many places a window has along an axis.
Index windows(Index size, Index reach, int stride, int before, int behind, bool ceil_mode = false) {
  const Index room = size + before + behind - reach;
  require(room >= 0, "a window larger than the image");
  Index count = 1 + (ceil_mode ? (room + stride - 1) / stride : room / stride);
  if (ceil_mode && (count - 1) * stride >= size + before) --count;
  return count;
}

Numbers pooled(const Numbers& x, const PoolNode& pool) {
  const auto along = [&](std::size_t axis, int window, int stride, int dilation, int before,
                         int behind) {
    return windows(x.extents[axis], Index{dilation} * (window - 1) + 1, stride, before, behind,
                   pool.ceil_mode);
  };
  const Extents extents = {
      x.extents[0], x.extents[1],
      along(2, pool.window.h, pool.stride.h, pool.dilation.h, pool.pad.top, pool.pad.bottom),
      along(3, pool.window.w, pool.stride.w, pool.dilation.w, pool.pad.left, pool.pad.right)};
  const Index rows = x.extents[2], columns = x.extents[3];
  return filled(extents, [&](const Extents& y) {
    double most = -kInfinity, sum = 0;
    int count = 0;
    for (int r = 0; r < pool.window.h; ++r) {
      for (int s = 0; s < pool.window.w; ++s) {
        const Index h = y[2] * pool.stride.h - pool.pad.top + r * pool.dilation.h;
        const Index w = y[3] * pool.stride.w - pool.pad.left + s * pool.dilation.w;
        const bool inside = h >= 0 && h < rows && w >= 0 && w < columns;
        const bool padded = h < rows + pool.pad.bottom && w < columns + pool.pad.right;
        count += inside || (pool.count_include_pad && padded);
        if (!inside) continue;
        const double value = at(x, {y[0], y[1], h, w});
        most = std::max(most, value);
        sum += value;
      }
    }
    return pool.kind == PoolKind::max ? most : sum / count;
  });
}

class Interpreter {
 public:
  Interpreter(const Graph& graph, const std::vector<Numbers>& inputs)
      : graph_(graph), inputs_(inputs) {}

  std::vector<Numbers> run() {
    for (const GraphNode& node : graph_.nodes()) {
      node_ = &node;
      Numbers y = std::visit([&](const auto& op) { return result(op); }, node.operation);
      require(node.output == static_cast<int>(tensors_.size()), "values are not in order");
      tensors_.push_back(std::move(y));
    }
    return std::move(tensors_);
  }

 private:
  const Numbers& input(std::size_t i = 0) const {
    return tensors_[static_cast<std::size_t>(node_->inputs.at(i))];
  }

  Numbers result(const op::Input& op) const {
    return inputs_.at(static_cast<std::size_t>(op.index));
  }

  Numbers result(const op::Known& op) const {
    const auto values = op.values.values();
    return {op.values.extents(), {values.begin(), values.end()}};
  }

  Numbers result(const op::Conv& op) const {
    const Numbers& x = input();
    const ConvNode& conv = op.conv;
    require(!op.batch_norm && op.activation == Activation::none && node_->inputs.size() == 1,
            "a fused convolution");
    const Extents& w = conv.weights.extents();
    require(x.extents.size() == 4 && x.extents[1] == w[1] * conv.groups,
            "a convolution of other channels");
    const Extents extents = {x.extents[0], w[0],
                             windows(x.extents[2], conv.dilation.h * (w[2] - 1) + 1, conv.stride.h,
                                     conv.pad.top, conv.pad.bottom),
                             windows(x.extents[3], conv.dilation.w * (w[3] - 1) + 1, conv.stride.w,
                                     conv.pad.left, conv.pad.right)};
    return filled(extents, [&](const Extents& y) {
      const Index k = y[1], first = k / (w[0] / conv.groups) * w[1];
      double sum = at(conv.bias, k);
      for (Index c = 0; c < w[1]; ++c) {
        for (Index r = 0; r < w[2]; ++r) {
          for (Index s = 0; s < w[3]; ++s) {
            const Index h = y[2] * conv.stride.h - conv.pad.top + r * conv.dilation.h;
            const Index column = y[3] * conv.stride.w - conv.pad.left + s * conv.dilation.w;
            if (h < 0 || h >= x.extents[2] || column < 0 || column >= x.extents[3]) continue;
            sum += at(x, {y[0], first + c, h, column}) *
                   at(conv.weights, ((k * w[1] + c) * w[2] + r) * w[3] + s);
          }
        }
      }
      return sum;
    });
  }

  Numbers result(const op::BatchNorm& op) const {
    const Numbers& x = input();
    const BatchNormNode& norm = op.arrays;
    require(op.activation == Activation::none, "a fused BatchNorm");
    return filled(x.extents, [&](const Extents& y) {
      const Index c = y[1];
      const double deviation = std::sqrt(at(norm.variance, c) + norm.eps.value);
      return at(norm.gamma, c, 1) * (at(x, y) - at(norm.mean, c)) / deviation + at(norm.beta, c);
    });
  }

  Numbers result(const op::Activate& op) const {
    return mapped(input(), [&](double v) { return oracle::activation_value(op.activation, v); });
  }

  Numbers result(const op::Binary& op) const {
    Numbers a = input(0), b = input(1);
    require(op.activation == Activation::none, "a fused sum or product");
    const std::size_t rank = std::max(a.extents.size(), b.extents.size());
    for (Numbers* operand : {&a, &b})
      operand->extents.insert(operand->extents.begin(), rank - operand->extents.size(), 1);
    Extents extents;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      const Index d = std::max(a.extents[axis], b.extents[axis]);
      for (const Numbers* operand : {&a, &b})
        require(operand->extents[axis] == d || operand->extents[axis] == 1, "no broadcast");
      extents.push_back(d);
    }
    const auto value = [](const Numbers& operand, Extents index) {
      for (std::size_t axis = 0; axis < index.size(); ++axis)
        index[axis] = std::min(index[axis], operand.extents[axis] - 1);
      return at(operand, index);
    };
    return filled(extents, [&](const Extents& y) {
      const double p = value(a, y), q = value(b, y);
      return op.kind == op::Binary::Kind::add ? p + q : p * q;
    });
  }

  Numbers result(const op::Pool& op) const { return pooled(input(), op.pool); }

  Numbers result(const op::GlobalPool& op) const {
    const Extents& x = input().extents;
    return pooled(input(),
                  {.kind = op.kind, .window = {static_cast<int>(x[2]), static_cast<int>(x[3])}});
  }

  Numbers result(const op::ResizeNearest& op) const {
    const Numbers& x = input();
    const Extents extents = {x.extents[0], x.extents[1], x.extents[2] * op.h, x.extents[3] * op.w};
    return filled(extents, [&](const Extents& y) {
      return at(x, {y[0], y[1], y[2] / op.h, y[3] / op.w});
    });
  }

  Numbers result(const op::Linear& op) const {
    const Numbers& x = input();
    require(!op.batch_norm && op.activation == Activation::none, "a fused linear layer");
    const Index k = op.linear.weights.extents()[0], c = op.linear.weights.extents()[1];
    require(!x.extents.empty() && x.extents.back() == c, "a linear layer of other channels");
    Extents extents = x.extents;
    extents.back() = k;
    return filled(extents, [&](const Extents& y) {
      double sum = at(op.linear.bias, y.back());
      Extents from = y;
      for (from.back() = 0; from.back() < c; ++from.back())
        sum += at(x, from) * at(op.linear.weights, y.back() * c + from.back());
      return sum;
    });
  }

  Numbers result(const op::Lrn& op) const {
    const Numbers& x = input();
    const Index before = (op.lrn.size - 1) / 2, behind = op.lrn.size / 2;
    return filled(x.extents, [&](const Extents& y) {
      double sum = 0;
      Extents other = y;
      for (other[1] = std::max<Index>(y[1] - before, 0);
           other[1] <= std::min(y[1] + behind, x.extents[1] - 1); ++other[1])
        sum += at(x, other) * at(x, other);
      return at(x, y) /
             std::pow(op.lrn.bias + double{op.lrn.alpha} / op.lrn.size * sum, op.lrn.beta);
    });
  }

  Numbers result(const op::Softmax& op) const {
    const Numbers& x = input();
    const auto axis = static_cast<std::size_t>(op.axis);
    return filled(x.extents, [&](const Extents& y) {
      double sum = 0;
      Extents other = y;
      for (other[axis] = 0; other[axis] < x.extents[axis]; ++other[axis])
        sum += std::exp(at(x, other) - at(x, y));
      return 1 / sum;
    });
  }

  Numbers result(const op::Concat& op) const {
    const auto axis = static_cast<std::size_t>(op.axis);
    Extents extents = input().extents;
    extents[axis] = 0;
    for (std::size_t part = 0; part < node_->inputs.size(); ++part) {
      Extents other = input(part).extents;
      require(other.size() == extents.size(), "parts of several ranks");
      extents[axis] += std::exchange(other[axis], input().extents[axis]);
      require(other == input().extents, "parts that differ along another axis");
    }
    return filled(extents, [&](Extents y) {
      std::size_t part = 0;
      for (; y[axis] >= input(part).extents[axis]; ++part) y[axis] -= input(part).extents[axis];
      return at(input(part), y);
    });
  }

  Numbers result(const op::Slice& op) const {
    const Numbers& x = input();
    const auto axis = static_cast<std::size_t>(op.axis);
    const Index size = x.extents[axis];
    const auto cut = [&](Index i) {
      if (i < 0) i += size;
      return op.step > 0 ? std::clamp<Index>(i, 0, size) : std::clamp<Index>(i, -1, size - 1);
    };
    const Index begin = cut(op.begin), end = cut(op.end);
    Extents extents = x.extents;
    extents[axis] = 0;
    for (Index i = begin; op.step > 0 ? i < end : i > end; i += op.step) ++extents[axis];
    return filled(extents, [&](Extents y) {
      y[axis] = begin + y[axis] * op.step;
      return at(x, y);
    });
  }

  Numbers result(const op::Pad& op) const {
    const Numbers& x = input();
    Extents extents = x.extents;
    for (std::size_t axis = 0; axis < extents.size(); ++axis)
      extents[axis] += op.before.at(axis) + op.behind.at(axis);
    return filled(extents, [&](Extents y) {
      for (std::size_t axis = 0; axis < y.size(); ++axis) {
        y[axis] -= op.before[axis];
        if (y[axis] < 0 || y[axis] >= x.extents[axis]) return double{op.fill};
      }
      return at(x, y);
    });
  }

  Numbers result(const op::Reshape&) const {
    Numbers y = {graph_.extents({node_->output}), input().values};
    require(product(y.extents) == std::ssize(y.values), "a reshape of another size");
    return y;
  }

  Numbers result(const op::Transpose& op) const {
    const Numbers& x = input();
    Extents extents;
    for (const int axis : op.order) extents.push_back(x.extents[static_cast<std::size_t>(axis)]);
    return filled(extents, [&](const Extents& y) {
      Extents from(y.size());
      for (std::size_t axis = 0; axis < y.size(); ++axis)
        from[static_cast<std::size_t>(op.order[axis])] = y[axis];
      return at(x, from);
    });
  }

  Numbers result(const op::Identity&) const { return input(); }

  Numbers result(const op::Gate&) const {
    throw Error(ErrorCode::unsupported, "gates, which only fusion makes");
  }
  Numbers result(const op::Stage&) const {
    throw Error(ErrorCode::unsupported, "a stage, which only fusion makes");
  }
  Numbers result(const op::Stem&) const {
    throw Error(ErrorCode::unsupported, "a stem, which only fusion makes");
  }

  const Graph& graph_;
  const std::vector<Numbers>& inputs_;
  std::vector<Numbers> tensors_;
  const GraphNode* node_ = nullptr;
};

}  // namespace

std::vector<Numbers> interpret(const Graph& graph, const std::vector<Numbers>& inputs) {
  return Interpreter(graph, inputs).run();
}

}  // namespace foldconv::harness
