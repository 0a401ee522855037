// SPDX-License-Identifier: MIT
#include <utility>

#include "harness/problem/entries.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::harness {
namespace {

constexpr int kMaxBlocks = 100;  // of a stage; the deepest known ones have less than half

struct Entries {
  Entry batch{1, 0}, height, width, in_channels, middle, out_channels;
  Entry stride{1, 0}, groups{1, 0}, blocks{1, 0};
  Entry first_strides, middle_strides, projection;  // words

  bool basic() const { return !middle.given(); }
};

Key find_key(Entries& entries, std::string_view rest) {
  const struct {
    std::string_view key;
    Entry* entry;
    bool word;
  } known[] = {
      {"mb", &entries.batch, false},
      {"mid", &entries.middle, false},
      {"ih", &entries.height, false},
      {"iw", &entries.width, false},
      {"ic", &entries.in_channels, false},
      {"oc", &entries.out_channels, false},
      {"s", &entries.stride, false},
      {"g", &entries.groups, false},
      {"x", &entries.blocks, false},
      {"v1_5", &entries.middle_strides, true},  // before v1, with which it begins
      {"v1", &entries.first_strides, true},
      {"proj", &entries.projection, true},
  };
  for (const auto& [key, entry, word] : known) {
    if (rest.starts_with(key)) return {entry, key.size(), word};
  }
  return {};
}

void check(const Entries& entries, std::string_view text) {
  const std::pair<const Entry*, const char*> required[] = {
      {&entries.batch, "mb"},        {&entries.height, "ih"}, {&entries.in_channels, "ic"},
      {&entries.out_channels, "oc"}, {&entries.groups, "g"},  {&entries.blocks, "x"}};
  for (const auto& [entry, key] : required) {
    check_at_least_1(*entry, key, text);
  }
  // Without them there is a default.
  for (const auto& [entry, key] :
       {std::pair{&entries.width, "iw"}, std::pair{&entries.middle, "mid"}}) {
    if (!entry->given()) continue;
    check_at_least_1(*entry, key, text);
  }
  const Entry& stride = entries.stride;
  if (stride.value != 1 && stride.value != 2) {
    malformed(text, stride.position,
              "a block's stride is 1 or 2, not " + std::to_string(stride.value));
  }
  if (entries.blocks.value > kMaxBlocks) {
    malformed(text, entries.blocks.position,
              "a stage has at most " + std::to_string(kMaxBlocks) + " blocks");
  }
  if (entries.basic()) {
    if (entries.groups.value != 1) {
      malformed(text, entries.groups.position,
                "a basic block has no groups; add `mid` for a bottleneck");
    }
    for (const auto& [word, key] :
         {std::pair{&entries.first_strides, "v1"}, std::pair{&entries.middle_strides, "v1_5"}}) {
      if (!word->given()) continue;
      malformed(text, word->position,
                quoted(key) +
                    " says which convolution of a bottleneck has the stride; "
                    "leave it out, or add `mid` for a bottleneck");
    }
  } else if (entries.middle.value % entries.groups.value != 0) {
    malformed(text, entries.middle.position,
              quoted("mid" + std::to_string(entries.middle.value)) +
                  " counts the channels of all groups and must be a multiple of g" +
                  std::to_string(entries.groups.value));
  }
}

int as_int(const Entry& entry) {
  return static_cast<int>(entry.value);
}

bool shapes_differ(const BlockShape& block) {
  return block.c != block.k || block.stride != 1;
}

// What `x` repeats behind a block.
BlockShape identity_behind(const BlockShape& block) {
  return {.c = block.k, .middle = block.middle, .k = block.k, .groups = block.groups};
}

}  // namespace

Problem parse_block(std::string_view text) {
  Entries entries;
  const std::string name =
      read_entries(text,
                   "mb ih iw ic mid oc s g x with a number each, v1, v1_5, proj, and n with a name "
                   "at the end",
                   [&entries](std::string_view rest) { return find_key(entries, rest); });
  check(entries, text);

  const bool first_strides = entries.first_strides.position > entries.middle_strides.position;
  BlockShape shape{.c = as_int(entries.in_channels),
                   .middle = as_int(entries.middle),
                   .k = as_int(entries.out_channels),
                   .stride = as_int(entries.stride),
                   .stride_at = first_strides ? StrideAt::conv1 : StrideAt::conv2,
                   .groups = as_int(entries.groups)};
  shape.projection = entries.projection.given() || shapes_differ(shape);
  const Entry& width = entries.width.given() ? entries.width : entries.height;
  Shape x{as_int(entries.batch), as_int(entries.height), as_int(width), shape.c};
  Problem problem;
  problem.name = name;
  problem.label = name.empty() ? std::string(text) : name;
  problem.blocks = true;
  for (std::int64_t i = 0; i < entries.blocks.value; ++i) {
    problem.lines.push_back(make_line(shape, x));
    x = problem.lines.back().output();
    shape = identity_behind(shape);
  }
  return problem;
}

std::string block_descriptor(const Problem& problem) {
  const auto entry = [](const char* key, int value) { return key + std::to_string(value); };
  const BlockShape first = shape_of(problem.lines.front());
  const Shape x = problem.input().shape;
  std::string text = entry("mb", x.n) + "_" + entry("ih", x.h) +
                     (x.w != x.h ? entry("iw", x.w) : "") + "_" + entry("ic", first.c) +
                     (first.basic() ? "" : entry("mid", first.middle)) + entry("oc", first.k);
  if (first.stride != 1) text += "_" + entry("s", first.stride);
  if (first.groups != 1) text += "_" + entry("g", first.groups);
  if (first.stride_at == StrideAt::conv1) text += "_v1";
  if (first.projection && !shapes_differ(first)) text += "_proj";
  const std::size_t blocks = problem.lines.size();
  if (blocks > 1) text += "_" + entry("x", static_cast<int>(blocks));
  return text;
}

std::string descriptor_of(const Problem& problem) {
  return problem.blocks ? block_descriptor(problem)
                        : layer_descriptor(problem.lines.front().convs.front().problem);
}

}  // namespace foldconv::harness
