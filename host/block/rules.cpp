// SPDX-License-Identifier: MIT
#include "block/rules.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "catalog/family.hpp"
#include "catalog/supports.hpp"

namespace foldconv::host {
namespace {

std::string tensor_rule(std::initializer_list<Shape> shapes) {
  for (const Shape& shape : shapes) {
    const auto elements = checked_product({shape.n, shape.h, shape.w, shape.c});
    if (!elements || *elements >= kIndexLimit) {
      return text("indexes with 32 bits: a tensor of ", shape.n, "x", shape.h, "x", shape.w, "x",
                  shape.c, " has 2^31 elements or more; split the batch");
    }
  }
  return {};
}

// x and y with all that lies between their pixels.
Shape pitched_input(const PlannedBlock& planned) {
  Shape shape = planned.input;
  if (planned.pitch.x != 0) shape.c = planned.pitch.x;
  return shape;
}
Shape pitched_output(const PlannedBlock& planned) {
  Shape shape = planned.output();
  if (planned.pitch.y != 0) shape.c = planned.pitch.y;
  return shape;
}

int slices(int channels) {
  return WeightLayout{channels, 1}.slices();
}

// Of the packed matrix of `name`: k rows of whole slices.
std::string matrix_rule(const char* name, int k, int row_slices) {
  const std::int64_t elements = std::int64_t{k} * row_slices * kSliceWidth;
  if (elements < kIndexLimit) return {};
  return text("indexes with 32 bits: the packed weights of ", name, " have ", elements,
              " elements, 2^31 or more");
}

// The first rule that is broken.
std::string first_of(std::initializer_list<std::string> rules) {
  for (const std::string& rule : rules) {
    if (!rule.empty()) return rule;
  }
  return {};
}

std::string bottleneck_rule(const BlockData& block) {
  if (block.inverted) return "takes bottlenecks (1x1, 3x3, 1x1) only: the block is an inverted one";
  if (!block.bottleneck())
    return "takes bottlenecks (1x1, 3x3, 1x1) only: the block has two convolutions";
  if (size_of(block.dtype) != 2)
    return text("takes f16 and bf16: the block is ", to_string(block.dtype));
  return {};
}

std::string shortcut_rule(const BlockData& block) {
  if (!block.downsample || block.joined) return {};
  return text("sums the downsample into the last 1x1: ", block.shortcut.reason);
}

std::string copies_rule(const char* name, int channels) {
  if (channels % 8 == 0) return {};
  return text("copies 16 bytes at a time: ", name, " has ", channels, " channels");
}

// Slices of a row of conv3's matrix, [w3] or [w3 | wd].
int conv3_slices(const BlockData& block) {
  return slices(block.steps[2].c) + (block.downsample ? slices(block.c()) : 0);
}

// A middle tensor of fewer than kSliceWidth channels is filled up with zeros: they change no sum where
// an mma's 16 products never span two taps.
std::string whole_shape_rule(const BlockData& block) {
  for (const BlockStep& step : block.steps) {
    if (step.stride != 1) return text("takes stride 1 only: ", step.name, " has ", step.stride);
    if (step.groups != 1)
      return text("takes dense convolutions only: ", step.name, " has groups = ", step.groups);
  }
  const BlockStep& conv2 = block.steps[1];
  if (conv2.c > kSliceWidth || conv2.k > kSliceWidth || conv2.c % 16 != 0) {
    return text("takes middle widths of at most ", kSliceWidth,
                ", conv2's input a multiple of 16: the block's are ", conv2.c, " -> ", conv2.k);
  }
  if (block.c() % kSliceWidth != 0)
    return text("takes multiples of ", kSliceWidth, " input channels: c = ", block.c());
  if (block.k() % 8 != 0) return text("takes multiples of 8 output channels: k = ", block.k());
  if (block.downsample && block.c() != kSliceWidth)
    return text("takes a downsample of ", kSliceWidth, " channels only: c = ", block.c());
  return {};
}

std::string tail_shape_rule(const BlockData& block, const BlockData* next) {
  const BlockStep& conv2 = block.steps[1];
  if (conv2.groups != 1)
    return text("takes dense convolutions only: conv2 has groups = ", conv2.groups);
  if (conv2.c < kSliceWidth) {
    return text("reads a tap a stage, at least ", kSliceWidth, " channels: conv2 has ", conv2.c);
  }
  std::string rule =
      first_of({copies_rule("conv2's input", conv2.c), copies_rule("conv2's output", conv2.k),
                copies_rule("the block's output", block.k()), shortcut_rule(block)});
  if (!rule.empty() || next == nullptr) return rule;
  if (next->inverted) return "the next block is an inverted one";
  if (!next->bottleneck()) return "the next block does not begin with a 1x1";
  const BlockStep& conv1 = next->steps[0];
  if (conv1.stride != 1) return text("the next block's conv1 has stride ", conv1.stride);
  return copies_rule("the next block's conv1", conv1.k);
}

}  // namespace

std::string whole_rule(const BlockData& block) {
  if (std::string rule = bottleneck_rule(block); !rule.empty()) return rule;
  return first_of(
      {whole_shape_rule(block), shortcut_rule(block),
       matrix_rule("conv1", kSliceWidth, slices(block.c())),
       matrix_rule("conv3", block.k(), 1 + (block.downsample ? slices(block.c()) : 0))});
}

std::string whole_rule(const PlannedBlock& planned) {
  if (std::string rule = whole_rule(*planned.data); !rule.empty()) return rule;
  constexpr int kPitchUnit =
      32;  // elements: the kernel's table has a bit of its own in their numbers
  if (const int pitch = x_pitch(planned.problem(0)); pitch % kPitchUnit != 0) {
    return text("takes pitches of x that are multiples of ", kPitchUnit, ": pitch.x = ", pitch,
                "; nearest above: ", ceil_div(pitch, kPitchUnit) * kPitchUnit);
  }
  return tensor_rule({pitched_input(planned), pitched_output(planned)});
}

std::string inverted_rule(const BlockData& block) {
  if (!block.inverted) return "takes inverted blocks only";
  if (size_of(block.dtype) != 2)
    return text("takes f16 and bf16: the block is ", to_string(block.dtype));
  const BlockStep &depthwise = block.depthwise(), &project = block.steps.back();
  if (std::string rule = first_of({copies_rule("the block's input", block.c()),
                                   copies_rule("the middle tensor", depthwise.c),
                                   copies_rule("the block's output", project.k)});
      !rule.empty())
    return rule;
  if (!InvertedWindow::takes(depthwise.r, depthwise.stride))
    return text("takes depthwise filters of 3x3 and 5x5: the block's is ", depthwise.r, "x",
                depthwise.r);
  constexpr int kMostInput = 4096;  // more do not fit into any shared memory
  if (block.c() > kMostInput)
    return text("keeps pixels of x in shared memory, of at most ", kMostInput,
                " channels: the block has ", block.c());
  return first_of(
      {block.expands() ? matrix_rule("expand", depthwise.c, slices(block.c())) : std::string(),
       matrix_rule("project", project.k, slices(depthwise.c))});
}

std::string inverted_rule(const PlannedBlock& planned) {
  if (std::string rule = inverted_rule(*planned.data); !rule.empty()) return rule;
  return tensor_rule({pitched_input(planned), pitched_output(planned)});
}

std::string inverted_rule(const InvertedTile& tile, const BlockData& block) {
  if (block.k() <= tile.most_channels()) return {};
  return text("takes at most ", tile.most_channels(), " output channels: the block has ",
              block.k());
}

std::string tail_rule(const PlannedBlock& planned, const PlannedBlock* next) {
  const BlockData& block = *planned.data;
  const BlockData* next_data = next != nullptr ? next->data : nullptr;
  if (std::string rule = bottleneck_rule(block); !rule.empty()) return rule;
  if (std::string rule = tail_shape_rule(block, next_data); !rule.empty()) return rule;
  const Shape next_t1 = next != nullptr ? next->shape_before(1) : Shape{};
  return first_of({tensor_rule({pitched_input(planned), pitched_output(planned), next_t1}),
                   matrix_rule("conv3", block.k(), conv3_slices(block)),
                   next == nullptr ? std::string()
                                   : matrix_rule("the next block's conv1", next_data->steps[0].k,
                                                 slices(block.k()))});
}

std::string tail_rule(const TailTile& tile, const PlannedBlock& planned, const PlannedBlock* next) {
  const int widest =
      std::max(planned.data->steps[1].k, next != nullptr ? next->data->steps[0].k : 0);
  if (tile.conv2.block_n < widest) {
    return text("takes middle widths of at most ", tile.conv2.block_n, ": the widest is ", widest);
  }
  return index_rule(tile.conv2, ConvLoader::load_rxs, planned.problem(1));
}

std::string joined_rule(const BlockData& block) {
  return matrix_rule("conv3 and downsample", block.k(), conv3_slices(block));
}

std::string sm90_rule(const PlannedBlock& block) {
  if (block.data->joined)
    return "the downsample is summed as a longer K of conv3: no sm_90 kernel reads two tensors";
  const auto rule = [](const char* name, const ConvProblem& problem) {
    const std::string reason = sm90_rule(problem);
    return reason.empty() ? reason : text(name, " ", reason);
  };
  for (std::size_t step = 0; step < block.data->steps.size(); ++step) {
    if (auto reason = rule(block.data->steps[step].name, block.problem(step)); !reason.empty())
      return reason;
  }
  if (!block.data->downsample) return {};
  return rule(block.data->downsample->name, block.downsample_problem());
}

std::string shared_memory_rule(std::int64_t needed, const DeviceFigures& device) {
  if (needed <= static_cast<std::int64_t>(device.shared_bytes)) return {};
  return text("needs ", needed, " bytes of shared memory, the device has ", device.shared_bytes);
}

int tail_operand_slices(const BlockData& block, const BlockData* next) {
  return std::max(conv3_slices(block), next != nullptr ? slices(next->steps[0].k) : 0);
}

}  // namespace foldconv::host
