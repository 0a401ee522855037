// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <limits>

#include "harness/problem/entries.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::harness {
namespace {

constexpr int kMostBlocks = 100;  // of a stage; the deepest known ones have less than half

// Refuses what no inverted block has, and of the others what one has.
void refuse_of_inverted(const Descriptor& descriptor) {
  const bool inverted = descriptor["dw"].given();
  for (const char* key : {"plain", "tf"}) {
    const Entry& word = descriptor[key];
    if (inverted || !word.given()) continue;
    descriptor.fail(word,
                    word.text() + " is of inverted blocks; add `dw` with the depthwise's size");
  }
  for (const char* key : {"g", "v1", "v1_5", "proj"}) {
    const Entry& other = descriptor[key];
    if (!inverted || !other.given()) continue;
    descriptor.fail(other, "an inverted block has no " + other.text() + "; leave it out, or `dw`");
  }
}

// Refuses what no block has.
void refuse_others(const Descriptor& descriptor, bool basic) {
  const Entry &stride = descriptor["s"], &blocks = descriptor["x"];
  if (stride.value != 1 && stride.value != 2) {
    descriptor.fail(stride, "a block's stride is 1 or 2, not " + std::to_string(stride.value));
  }
  if (blocks.value > kMostBlocks) {
    descriptor.fail(blocks, "a stage has at most " + std::to_string(kMostBlocks) + " blocks");
  }
  refuse_of_inverted(descriptor);
  if (descriptor["dw"].given()) return;
  if (!basic) return descriptor.check_divided_by_groups("mid");
  if (descriptor["g"].value != 1) {
    descriptor.fail(descriptor["g"], "a basic block has no groups; add `mid` for a bottleneck");
  }
  for (const char* key : {"v1", "v1_5"}) {
    const Entry& word = descriptor[key];
    if (!word.given()) continue;
    descriptor.fail(word, word.text() +
                              " says which convolution of a bottleneck has the stride; "
                              "leave it out, or add `mid` for a bottleneck");
  }
}

bool shapes_differ(const BlockShape& block) {
  return block.c != block.k || block.stride != 1;
}

// The block behind it in a stage.
BlockShape next_of(const BlockShape& block, const Descriptor& descriptor) {
  BlockShape next = {.c = block.k,
                     .middle = block.middle,
                     .k = block.k,
                     .groups = block.groups,
                     .depthwise = block.depthwise,
                     .residual = block.inverted() && !descriptor["plain"].given(),
                     .same_as_tensorflow = block.same_as_tensorflow};
  if (!block.inverted() || block.middle == 0) return next;
  const std::int64_t middle = std::int64_t{block.middle} * block.k / block.c;
  if (block.middle % block.c != 0 || middle > std::numeric_limits<int>::max()) {
    descriptor.fail(
        descriptor["mid"],
        "the blocks behind the first expand as it does: `mid` must be a multiple of `ic`");
  }
  next.middle = static_cast<int>(middle);
  return next;
}

// Of this block and, with more than one, of those behind it.
std::string descriptor_from(const Line& line, int blocks) {
  const auto entry = [](const char* key, int value) { return key + std::to_string(value); };
  const BlockShape first = shape_of(line);
  const Shape x = line.input();
  return entry("mb", x.n) + "_" + entry("ih", x.h) + (x.w != x.h ? entry("iw", x.w) : "") + "_" +
         entry("ic", first.c) + (first.middle == 0 ? "" : entry("mid", first.middle)) +
         entry("oc", first.k) + (first.stride != 1 ? entry("_s", first.stride) : "") +
         (first.groups != 1 ? entry("_g", first.groups) : "") +
         (first.stride_at == StrideAt::conv1 ? "_v1" : "") +
         (first.projection && !shapes_differ(first) ? "_proj" : "") +
         (first.inverted() ? entry("_dw", first.depthwise) : "") +
         (first.same_as_tensorflow ? "_tf" : "") +
         (first.inverted() && !shapes_differ(first) && !first.residual ? "_plain" : "") +
         (blocks > 1 ? entry("_x", blocks) : "");
}

// Whether the blocks behind the first are those that a descriptor can say.
bool goes_on_alike(const Problem& stage) {
  const BlockShape first = shape_of(stage.lines.front());
  const BlockShape next = {
      .c = first.k, .middle = first.middle, .k = first.k, .groups = first.groups};
  return first.inverted() ||
         std::all_of(stage.lines.begin() + 1, stage.lines.end(),
                     [&next](const Line& line) { return shape_of(line) == next; });
}

// Of blocks that are no stage of a descriptor: each one's, one behind the other.
std::string block_descriptor(const Problem& problem) {
  if (goes_on_alike(problem)) {
    return descriptor_from(problem.lines.front(), static_cast<int>(problem.lines.size()));
  }
  std::string text;
  for (const Line& line : problem.lines)
    text += (text.empty() ? "" : " + ") + descriptor_from(line, 1);
  return text;
}

}  // namespace

Problem parse_block(std::string_view text) {
  const Descriptor descriptor(text,
                              {{"mb", 1},
                               {"mid"},
                               {"ih"},
                               {"iw"},
                               {"ic"},
                               {"oc"},
                               {"s", 1},
                               {"g", 1},
                               {"x", 1},
                               {"dw"},
                               {.key = "v1_5", .word = true},
                               {.key = "v1", .word = true},
                               {.key = "proj", .word = true},
                               {.key = "plain", .word = true},
                               {.key = "tf", .word = true}},
                              "mb ih iw ic mid oc s g x dw with a number each, v1, v1_5, proj, "
                              "plain, tf, and n with a name "
                              "at the end");
  Shape x;
  x.n = descriptor.at_least_1("mb");
  x.h = descriptor.at_least_1("ih");
  x.w = descriptor.at_least_1("iw", x.h);
  x.c = descriptor.at_least_1("ic");
  BlockShape shape{.c = x.c,
                   .middle = descriptor.at_least_1("mid", 0),
                   .k = descriptor.at_least_1("oc"),
                   .stride = static_cast<int>(descriptor["s"].value),
                   .groups = descriptor.at_least_1("g")};
  const int blocks = descriptor.at_least_1("x");
  refuse_others(descriptor, shape.basic());
  if (descriptor["v1"].position > descriptor["v1_5"].position) shape.stride_at = StrideAt::conv1;
  if (descriptor["dw"].given()) {
    shape.depthwise = descriptor.at_least_1("dw");
    shape.residual = !shapes_differ(shape) && !descriptor["plain"].given();
    shape.same_as_tensorflow = descriptor["tf"].given();
    if (shape.depthwise % 2 == 0) {
      descriptor.fail(descriptor["dw"],
                      descriptor["dw"].text() + " is even; a depthwise is 3x3 or 5x5");
    }
  } else {
    shape.projection = descriptor["proj"].given() || shapes_differ(shape);
  }

  Problem problem;
  descriptor.set_name(problem);
  problem.blocks = true;
  for (int i = 0; i < blocks; ++i) {
    problem.lines.push_back(make_line(shape, x));
    x = problem.lines.back().output();
    if (i + 1 < blocks) shape = next_of(shape, descriptor);
  }
  return problem;
}

std::string descriptor_of(const Problem& problem) {
  return problem.blocks ? block_descriptor(problem)
                        : layer_descriptor(problem.lines.front().convs.front().problem);
}

}  // namespace foldconv::harness
