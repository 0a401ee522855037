// SPDX-License-Identifier: MIT
// What is computed, checked and measured: convolutions in lines.
//
// A layer is a line of one convolution, whose residual is an input. A residual block is a line with
// a shortcut; a stage is several lines, each reading what the one before it wrote. A problem as it
// is parsed is geometry alone; fill() (data.hpp) gives it weights and inputs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"
#include "harness/problem/images.hpp"

namespace foldconv::harness {

// A convolution, the BatchNorm behind it, and with problem.residual and problem.activation what
// comes after that.
struct LineConv {
  std::string name;                          // "conv1", "downsample"; "" of a layer
  ConvProblem problem;                       // all images
  ConvWeights weights;                       // the spans are of Problem::storage; empty: not filled
  std::optional<BatchNorm> batch_norm = {};  // all four arrays
};

struct Line {
  std::vector<LineConv> convs;            // each reads what the one before it wrote
  std::optional<LineConv> shortcut = {};  // a projection of the line's x, which the last one adds

  Shape input() const { return convs.front().problem.input(); }
  Shape output() const { return convs.back().problem.output(); }
  // Of a block.
  bool inverted() const { return convs.back().name == "project"; }
  bool bottleneck() const { return convs.size() == 3 && !inverted(); }
};

struct Problem {
  std::string name;     // as its descriptor calls it; "": not at all
  std::string label;    // what a table calls it: its name or descriptor, and perhaps its batch size
  bool blocks = false;  // what the last convolution of a line adds is its shortcut, or else its x
  std::vector<Line> lines;
  std::string kernel = {};  // pins a layer's kernel; "": the least time by the model
  Instructions instructions = Instructions::automatic;

  int distinct = 1;                // images of x and residual that are no copies of others
  std::vector<float> x, residual;  // of the distinct images, exact in the dtype; no residual: empty
  std::shared_ptr<void> storage;   // what weights and BatchNorms point to

  DataType dtype() const { return lines.front().convs.front().problem.dtype; }
  Images input() const { return {dtype(), lines.front().input(), distinct}; }
  Images output() const { return {dtype(), lines.back().output(), distinct}; }
  double flops() const;  // of all convolutions
  // Of all convolutions, in the order of their names: lines one after the other, shortcuts last.
  std::vector<LineConv*> convs();
  std::vector<const LineConv*> convs() const;
};

// The same problem with so many images; data, where there is any, stays.
void set_images(Problem& problem, int images);

// What the command line says about problems. Of blocks: the same activation inside and at the end; inverted ones
// have none at the end.
struct Settings {
  DataType dtype = DataType::f16;
  Activation activation = Activation::relu;
  bool residual = false;    // of layers
  std::string kernel = {};  // of layers
  Instructions instructions = Instructions::automatic;
};
void apply(const Settings& settings, Problem& problem);

// For messages about a line, "block 1 of 3", or "" where there is one; and about a convolution,
// "block 1 of 3, conv2, ". Both must be the problem's own.
std::string line_name(const Problem& problem, const Line& line);
std::string conv_prefix(const Problem& problem, const LineConv& conv);

// One line of a residual block, without data. `x`: its input; conv1, conv2, conv3 of a bottleneck; expand, depthwise,
// project of an inverted block.
struct BlockShape {
  int c = 0, middle = 0, k = 0;  // middle 0: a basic block; an inverted one without expand
  int stride = 1;
  StrideAt stride_at = StrideAt::conv2;
  int groups = 1;  // of a bottleneck's 3x3
  bool projection = false;
  int depthwise = 0;      // of an inverted block: its filter's height and width
  bool residual = false;  // of an inverted block: adds its x
  bool same_as_tensorflow =
      false;  // of an inverted block: y is as large as x / stride rounded up, the odd row of zeros last

  bool inverted() const { return depthwise > 0; }
  bool basic() const { return middle == 0 && !inverted(); }
  friend bool operator==(const BlockShape&, const BlockShape&) = default;
};
// ReLUs but behind project, f16: see apply().
Line make_line(const BlockShape& shape, const Shape& x);
// What make_line() made it of.
BlockShape shape_of(const Line& line);

// A layer's problem, without data.
Problem make_layer(const ConvProblem& problem);

}  // namespace foldconv::harness
