// SPDX-License-Identifier: MIT
#include <map>

#include "base/text.hpp"
#include "network/block_match.hpp"
#include "network/passes.hpp"

namespace foldconv::host {

bool has_form(const ConvNode& conv, int r) {
  const Extents& w = conv.weights.extents();
  return w[2] == r && w[3] == r && conv.pad == Padding::same(r / 2) &&
         conv.dilation == Extent{1, 1} && conv.stride.h == conv.stride.w;
}

namespace {

class BlockMatcher {
 public:
  explicit BlockMatcher(Rewriter& rewriter) : rewriter_(rewriter) {}

  // `sum` is a convolution with a residual.
  BlockMatch match(const GraphNode& sum) {
    const op::Conv& last = *as<op::Conv>(sum);
    const bool bottleneck = has_form(last.conv, 1);
    if (!bottleneck && !has_form(last.conv, 3))
      return no("the last convolution is neither a 1x1 nor a 3x3 padded by 1");
    if (last.conv.stride.h != 1 || last.conv.groups != 1)
      return no("the last convolution has a stride or groups");
    BlockMatch match;
    match.block.last = last.activation;
    std::vector<op::Conv>& path = match.block.path;
    path.push_back(last);
    int input = sum.inputs[0];
    for (const int r : bottleneck ? std::vector{3, 1} : std::vector{3}) {
      const auto* conv = rewriter_.sole_producer<op::Conv>(input);
      if (!conv || rewriter_.producer(input).inputs.size() != 1)
        return no(
            text("what comes before is no chain of ", bottleneck ? "1x1, 3x3 and 1x1" : "two 3x3"));
      if (!has_form(conv->conv, r))
        return no(text("a convolution of the path is no ", r, "x", r, " padded by ", r / 2));
      path.insert(path.begin(), *conv);
      input = rewriter_.producer(input).inputs[0];
    }
    match.x = input;
    if (std::string broken = wire(match.block); !broken.empty()) return no(broken);
    if (std::string broken = shortcut(match, sum.inputs[1]); !broken.empty()) return no(broken);
    // The sum keeps the residual's activation apart from the path's.
    match.block.path.back().activation = Activation::none;
    return match;
  }

 private:
  static BlockMatch no(const std::string& why) {
    BlockMatch match;
    match.broken = why;
    return match;
  }

  // Stride, groups and inner activation.
  static std::string wire(op::Block& block) {
    const op::Conv& first = block.path.front();
    block.inner = first.activation;
    int strides = 0;
    block.stride = 1;
    block.stride_at = StrideAt::conv2;
    for (std::size_t i = 0; i + 1 < block.path.size(); ++i) {
      const op::Conv& conv = block.path[i];
      if (conv.activation != block.inner) return "its inner activations differ";
      const bool may_have_groups = block.path.size() == 3 && i == 1;
      if (conv.conv.groups != 1 && !may_have_groups)
        return "another convolution than a bottleneck's 3x3 has groups";
      if (conv.conv.stride.h == 1) continue;
      ++strides;
      block.stride = conv.conv.stride.h;
      block.stride_at = i == 0 ? StrideAt::conv1 : StrideAt::conv2;
    }
    if (strides > 1 || block.stride > 2) return "its stride is neither 1 nor 2";
    return "";
  }

  std::string shortcut(BlockMatch& match, int residual) {
    if (residual == match.x)
      return match.block.stride == 1 ? "" : "its shortcut is its input, and its stride is not 1";
    const auto* conv = rewriter_.sole_producer<op::Conv>(residual);
    const bool projection = conv && rewriter_.producer(residual).inputs == std::vector{match.x} &&
                            has_form(conv->conv, 1) && conv->conv.groups == 1 &&
                            conv->activation == Activation::none &&
                            conv->conv.stride.h == match.block.stride;
    if (!projection)
      return "its shortcut is neither its input nor one 1x1 of it with the block's stride";
    match.block.downsample = *conv;
    return "";
  }

  Rewriter& rewriter_;
};

}  // namespace

void block_pass(GraphData& graph, Remarks& remarks) {
  Rewriter rewriter(graph);
  BlockMatcher matcher(rewriter);
  int residual = 0, inverted = 0, stages = 0;
  std::map<std::string, int> refused;
  for (std::size_t i = 0; i < rewriter.nodes(); ++i) {
    GraphNode& node = rewriter.node(i);
    const auto* last = as<op::Conv>(node);
    if (rewriter.dead(i) || !last || last->gated) continue;
    const bool sum = node.inputs.size() == 2;
    BlockMatch match = match_inverted(rewriter, node);
    const bool is_inverted = match.x >= 0 && match.broken.empty();
    if (!is_inverted && sum) {
      // Depthwise, too, a bottleneck may have its shortcut.
      BlockMatch other = matcher.match(node);
      if (match.broken.empty() || other.broken.empty()) match = std::move(other);
    }
    if (!match.broken.empty()) {
      ++refused[text(
          sum ? " sums stay a convolution's: " : " 1x1s behind a depthwise stay convolutions: ",
          match.broken)];
    }
    if (!match.broken.empty() || match.x < 0) continue;
    ++(is_inverted ? inverted : residual);
    const int x = match.x;
    op::Stage stage;
    stage.blocks.push_back(std::move(match.block));
    rewriter.replace(i, stage, {x});
    // A run that ends where this block begins goes on with it.
    if (auto* before = rewriter.sole_producer<op::Stage>(x)) {
      before->blocks.push_back(std::move(stage.blocks.front()));
      rewriter.replace(i, std::move(*before), rewriter.producer(x).inputs);
    } else {
      ++stages;
    }
  }
  rewriter.compact();
  for (const auto& [count, what] :
       {std::pair(residual, " residual blocks"), std::pair(inverted, " inverted blocks")}) {
    if (count > 0)
      remarks.push_back(
          {"blocks", text(count, what, " in ", stages, stages == 1 ? " run" : " runs")});
  }
  for (const auto& [rule, count] : refused) remarks.push_back({"blocks", text(count, rule)});
}

}  // namespace foldconv::host
