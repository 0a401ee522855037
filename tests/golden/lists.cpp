// SPDX-License-Identifier: MIT
#include "golden/lists.hpp"

#include <filesystem>
#include <set>

#include "harness/problem/list.hpp"

namespace foldconv::golden {
namespace {

BlockShape listed_shape(const harness::Line& line) {
  const harness::BlockShape block = harness::shape_of(line);
  Padding pad;
  if (block.inverted()) pad = line.convs[line.convs.size() - 2].problem.pad;
  return {.c = block.c,
          .middle = block.middle,
          .k = block.k,
          .stride = block.stride,
          .stride_at = block.stride_at,
          .groups = block.groups,
          .projection = block.projection,
          .depthwise = block.depthwise,
          .residual = block.residual,
          .pad_top = pad.top,
          .pad_bottom = pad.bottom,
          .pad_left = pad.left,
          .pad_right = pad.right};
}

}  // namespace

Lists shipped_lists() {
  const std::filesystem::path folder = FOLDCONV_SHAPES_FOLDER;
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".txt") files.insert(entry.path());
  }
  Lists lists;
  for (const auto& file : files) {
    const std::string prefix = file.stem().string() + ' ';
    harness::ProblemList read;
    harness::read_list(file.string(), folder, read);
    for (const harness::Problem& problem : read.problems) {
      if (!problem.blocks) {
        lists.layers.push_back(
            {prefix + problem.label, problem.lines.front().convs.front().problem});
        continue;
      }
      const Shape x = problem.input().shape;
      ListedBlocks& listed =
          lists.blocks.emplace_back(prefix + problem.label, Images{x.n, x.h, x.w});
      for (const harness::Line& line : problem.lines) listed.blocks.push_back(listed_shape(line));
    }
  }
  return lists;
}

}  // namespace foldconv::golden
