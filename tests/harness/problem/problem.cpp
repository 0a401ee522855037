// SPDX-License-Identifier: MIT
#include "harness/problem/problem.hpp"

#include <algorithm>

namespace foldconv::harness {
namespace {

// Without the values of its weights.
LineConv make_conv(const char* name, const ConvProblem& p) {
  return {.name = name,
          .problem = p,
          .weights = {.values = {}, .k = p.k, .c_per_group = p.c / p.groups, .r = p.r, .s = p.s}};
}

// Zeros on both sides of an axis, of which the last has the odd one: y is x / stride, rounded up.
std::pair<int, int> same_pad(int x, int r, int stride) {
  const int y = (x + stride - 1) / stride;
  const int all = std::max((y - 1) * stride + r - x, 0);
  return {all / 2, all - all / 2};
}

Padding depthwise_pad(const BlockShape& shape, const Shape& x) {
  if (!shape.same_as_tensorflow) return Padding::same(shape.depthwise / 2);
  const auto [top, bottom] = same_pad(x.h, shape.depthwise, shape.stride);
  const auto [left, right] = same_pad(x.w, shape.depthwise, shape.stride);
  return {top, bottom, left, right};
}

}  // namespace

double Problem::flops() const {
  double sum = 0;
  for (const LineConv* conv : convs()) sum += conv->problem.flops();
  return sum;
}

std::vector<LineConv*> Problem::convs() {
  std::vector<LineConv*> all;
  for (Line& line : lines) {
    for (LineConv& conv : line.convs) all.push_back(&conv);
    if (line.shortcut) all.push_back(&*line.shortcut);
  }
  return all;
}

std::vector<const LineConv*> Problem::convs() const {
  const std::vector<LineConv*> all = const_cast<Problem*>(this)->convs();
  return {all.begin(), all.end()};
}

void set_images(Problem& problem, int images) {
  for (LineConv* conv : problem.convs()) conv->problem.n = images;
}

std::string line_name(const Problem& problem, const Line& line) {
  const std::size_t count = problem.lines.size();
  if (count == 1) return "";
  return "block " + std::to_string(&line - problem.lines.data()) + " of " + std::to_string(count);
}

std::string conv_prefix(const Problem& problem, const LineConv& conv) {
  if (conv.name.empty()) return "";
  const auto line = std::ranges::find_if(problem.lines, [&conv](const Line& one) {
    return (one.shortcut && &*one.shortcut == &conv) ||
           std::ranges::any_of(one.convs, [&](const LineConv& each) { return &each == &conv; });
  });
  const std::string name = line_name(problem, *line);
  return name + (name.empty() ? "" : ", ") + conv.name + ", ";
}

void apply(const Settings& settings, Problem& problem) {
  for (Line& line : problem.lines) {
    for (LineConv& conv : line.convs) {
      const bool none = problem.blocks && conv.name == "project";
      conv.problem.activation = none ? Activation::none : settings.activation;
      if (!problem.blocks) conv.problem.residual = settings.residual;
    }
  }
  for (LineConv* conv : problem.convs()) conv->problem.dtype = settings.dtype;
  if (!problem.blocks) problem.kernel = settings.kernel;
  problem.instructions = settings.instructions;
}

Line make_line(const BlockShape& shape, const Shape& x) {
  Line line;
  const auto conv = [&](const char* name, const Shape& from, int k, int r, int stride, int groups) {
    ConvProblem p{.n = from.n, .h = from.h, .w = from.w, .c = from.c, .k = k, .r = r, .s = r};
    p.stride = {stride, stride};
    p.pad = shape.inverted() && r > 1 ? depthwise_pad(shape, from) : Padding::same(r / 2);
    p.groups = groups;
    p.activation = Activation::relu;
    return make_conv(name, p);
  };
  const auto add = [&](const char* name, int k, int r, int stride = 1, int groups = 1) {
    const Shape from = line.convs.empty() ? x : line.output();
    line.convs.push_back(conv(name, from, k, r, stride, groups));
  };
  if (shape.inverted()) {
    const int middle = shape.middle > 0 ? shape.middle : shape.c;
    if (shape.middle > 0) add("expand", middle, 1);
    add("depthwise", middle, shape.depthwise, shape.stride, middle);
    add("project", shape.k, 1);
    line.convs.back().problem.activation = Activation::none;
    line.convs.back().problem.residual = shape.residual;
    return line;
  }
  if (shape.basic()) {
    add("conv1", shape.k, 3, shape.stride);
    add("conv2", shape.k, 3);
  } else {
    const bool first = shape.stride_at == StrideAt::conv1;
    add("conv1", shape.middle, 1, first ? shape.stride : 1);
    add("conv2", shape.middle, 3, first ? 1 : shape.stride, shape.groups);
    add("conv3", shape.k, 1);
  }
  line.convs.back().problem.residual = true;
  if (shape.projection) {
    line.shortcut = conv("downsample", x, shape.k, 1, shape.stride, 1);
    line.shortcut->problem.activation = Activation::none;
  }
  return line;
}

BlockShape shape_of(const Line& line) {
  if (line.inverted()) {
    const ConvProblem &depthwise = line.convs[line.convs.size() - 2].problem,
                      &project = line.convs.back().problem;
    return {.c = line.input().c,
            .middle = line.convs.size() == 3 ? depthwise.c : 0,
            .k = project.k,
            .stride = depthwise.stride.h,
            .depthwise = depthwise.r,
            .residual = project.residual,
            .same_as_tensorflow = depthwise.pad != Padding::same(depthwise.r / 2)};
  }
  const ConvProblem &first = line.convs[0].problem, &second = line.convs[1].problem;
  const bool first_strides = first.stride.h > 1;
  return {.c = first.c,
          .middle = line.bottleneck() ? first.k : 0,
          .k = line.convs.back().problem.k,
          .stride = std::max(first.stride.h, second.stride.h),
          .stride_at = line.bottleneck() && first_strides ? StrideAt::conv1 : StrideAt::conv2,
          .groups = line.bottleneck() ? second.groups : 1,
          .projection = line.shortcut.has_value()};
}

Problem make_layer(const ConvProblem& problem) {
  Problem layer;
  layer.lines.resize(1);
  layer.lines.front().convs.push_back(make_conv("", problem));
  return layer;
}

}  // namespace foldconv::harness
