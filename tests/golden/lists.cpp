#include "golden/lists.hpp"

#include <filesystem>
#include <set>
#include <stdexcept>

#include "problems/batch_file.hpp"

namespace foldconv::golden {
namespace {

BlockShape shape_of(const tool::BlockShape& block) {
  return {.c = block.c,
          .middle = block.middle,
          .k = block.k,
          .stride = block.stride,
          .stride_at = block.stride_at,
          .groups = block.groups,
          .projection = block.projection};
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
    tool::ProblemList read;
    if (const Status status = tool::read_batch_file(file.string(), folder, read); !status) {
      throw std::runtime_error(status.message());
    }
    for (const tool::Descriptor& layer : read.problems) {
      lists.layers.push_back({prefix + tool::label(layer), layer.problem});
    }
    for (const tool::BlockDescriptor& descriptor : read.blocks) {
      ListedBlocks& listed =
          lists.blocks.emplace_back(prefix + tool::label(descriptor), descriptor.problem);
      for (const tool::BlockShape& block : descriptor.blocks) {
        listed.blocks.push_back(shape_of(block));
      }
    }
  }
  return lists;
}

}  // namespace foldconv::golden
