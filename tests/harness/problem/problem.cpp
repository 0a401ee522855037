// SPDX-License-Identifier: MIT
#include "harness/problem/problem.hpp"

#include <algorithm>
#include <utility>

namespace foldconv::harness {
namespace {

template <class P, class Conv>
std::vector<Conv*> all_convs(P& problem) {
  std::vector<Conv*> all;
  for (auto& line : problem.lines) {
    for (auto& conv : line.convs) all.push_back(&conv);
    if (line.shortcut) all.push_back(&*line.shortcut);
  }
  return all;
}

LineConv make_conv(const char* name, const Shape& x, int k, int r, int stride, int groups,
                   const Activation& activation, const LineSettings& settings) {
  const int pad = r / 2;
  return {.name = name,
          .problem = {.dtype = settings.dtype,
                      .n = x.n,
                      .h = x.h,
                      .w = x.w,
                      .c = x.c,
                      .k = k,
                      .r = r,
                      .s = r,
                      .stride = {stride, stride},
                      .pad = {pad, pad, pad, pad},
                      .groups = groups,
                      .activation = activation},
          .weights = {.values = {}, .k = k, .c_per_group = x.c / groups, .r = r, .s = r}};
}

}  // namespace

double Problem::flops() const {
  double sum = 0;
  for (const LineConv* conv : convs()) sum += conv->problem.flops();
  return sum;
}

std::vector<LineConv*> Problem::convs() {
  return all_convs<Problem, LineConv>(*this);
}
std::vector<const LineConv*> Problem::convs() const {
  return all_convs<const Problem, const LineConv>(*this);
}

void set_images(Problem& problem, int images) {
  for (LineConv* conv : problem.convs()) conv->problem.n = images;
}

std::string line_prefix(const Problem& problem, std::size_t line) {
  const std::size_t count = problem.lines.size();
  return count > 1 ? "block " + std::to_string(line) + " of " + std::to_string(count) + ", " : "";
}

std::string conv_prefix(const Problem& problem, const LineConv& conv) {
  if (conv.name.empty()) return "";
  for (std::size_t i = 0; i < problem.lines.size(); ++i) {
    const Line& line = problem.lines[i];
    const bool here =
        (line.shortcut && &*line.shortcut == &conv) ||
        std::ranges::any_of(line.convs, [&](const LineConv& c) { return &c == &conv; });
    if (here) return line_prefix(problem, i) + conv.name + ", ";
  }
  return conv.name + ", ";
}

void apply(const Settings& settings, Problem& problem) {
  for (Line& line : problem.lines) {
    for (LineConv& conv : line.convs) {
      conv.problem.activation = settings.activation;
      if (!problem.blocks) conv.problem.residual = settings.residual;
    }
  }
  for (LineConv* conv : problem.convs()) conv->problem.dtype = settings.dtype;
  if (!problem.blocks) problem.kernel = settings.kernel;
}

Line make_line(const BlockShape& shape, const Shape& x, const LineSettings& settings) {
  Line line;
  const auto add = [&](const char* name, int k, int r, int stride, int groups, bool last) {
    const Shape from = line.convs.empty() ? x : line.output();
    line.convs.push_back(make_conv(name, from, k, r, stride, groups,
                                   last ? settings.last : settings.inner, settings));
  };
  if (shape.basic()) {
    add("conv1", shape.k, 3, shape.stride, 1, false);
    add("conv2", shape.k, 3, 1, 1, true);
  } else {
    const bool first = shape.stride_at == StrideAt::conv1;
    add("conv1", shape.middle, 1, first ? shape.stride : 1, 1, false);
    add("conv2", shape.middle, 3, first ? 1 : shape.stride, shape.groups, false);
    add("conv3", shape.k, 1, 1, 1, true);
  }
  line.convs.back().problem.residual = true;
  if (shape.projection) {
    line.shortcut =
        make_conv("downsample", x, shape.k, 1, shape.stride, 1, Activation::none, settings);
  }
  return line;
}

BlockShape shape_of(const Line& line) {
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
  layer.lines.front().convs.push_back({.name = "",
                                       .problem = problem,
                                       .weights = {.values = {},
                                                   .k = problem.k,
                                                   .c_per_group = problem.c / problem.groups,
                                                   .r = problem.r,
                                                   .s = problem.s}});
  return layer;
}

}  // namespace foldconv::harness
