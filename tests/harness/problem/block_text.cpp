// SPDX-License-Identifier: MIT
#include "harness/problem/entries.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::harness {
namespace {

constexpr int kMostBlocks = 100;  // of a stage; the deepest known ones have less than half

// Refuses what no block has.
void refuse_others(const Descriptor& descriptor, bool basic) {
  const Entry &stride = descriptor["s"], &blocks = descriptor["x"];
  if (stride.value != 1 && stride.value != 2) {
    descriptor.fail(stride, "a block's stride is 1 or 2, not " + std::to_string(stride.value));
  }
  if (blocks.value > kMostBlocks) {
    descriptor.fail(blocks, "a stage has at most " + std::to_string(kMostBlocks) + " blocks");
  }
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

std::string block_descriptor(const Problem& problem) {
  const auto entry = [](const char* key, int value) { return key + std::to_string(value); };
  const BlockShape first = shape_of(problem.lines.front());
  const Shape x = problem.input().shape;
  const auto blocks = static_cast<int>(problem.lines.size());
  return entry("mb", x.n) + "_" + entry("ih", x.h) + (x.w != x.h ? entry("iw", x.w) : "") + "_" +
         entry("ic", first.c) + (first.basic() ? "" : entry("mid", first.middle)) +
         entry("oc", first.k) + (first.stride != 1 ? entry("_s", first.stride) : "") +
         (first.groups != 1 ? entry("_g", first.groups) : "") +
         (first.stride_at == StrideAt::conv1 ? "_v1" : "") +
         (first.projection && !shapes_differ(first) ? "_proj" : "") +
         (blocks > 1 ? entry("_x", blocks) : "");
}

}  // namespace

Problem parse_block(std::string_view text) {
  const Descriptor descriptor(
      text,
      {{"mb", 1},
       {"mid"},
       {"ih"},
       {"iw"},
       {"ic"},
       {"oc"},
       {"s", 1},
       {"g", 1},
       {"x", 1},
       {.key = "v1_5", .word = true},
       {.key = "v1", .word = true},
       {.key = "proj", .word = true}},
      "mb ih iw ic mid oc s g x with a number each, v1, v1_5, proj, and n with a name at the end");
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
  shape.projection = descriptor["proj"].given() || shapes_differ(shape);

  Problem problem;
  descriptor.set_name(problem);
  problem.blocks = true;
  for (int i = 0; i < blocks; ++i) {
    problem.lines.push_back(make_line(shape, x));
    x = problem.lines.back().output();
    shape = {.c = shape.k, .middle = shape.middle, .k = shape.k, .groups = shape.groups};
  }
  return problem;
}

std::string descriptor_of(const Problem& problem) {
  return problem.blocks ? block_descriptor(problem)
                        : layer_descriptor(problem.lines.front().convs.front().problem);
}

}  // namespace foldconv::harness
