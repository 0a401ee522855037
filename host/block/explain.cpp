// BlockExplanation as text.
#include "base/error.hpp"
#include "base/text.hpp"
#include "foldconv/block.hpp"

namespace foldconv {
namespace {

std::string line_of(const CutFigures& cut) {
  if (!cut.refusal.empty())
    return host::text(to_string(cut.cut), "  not possible: ", cut.refusal, "\n");
  std::string line =
      host::text(to_string(cut.cut), "  ", cut.kernels.size(),
                 cut.kernels.size() == 1 ? " launch, " : " launches, ",
                 host::fixed(cut.dram_bytes / 1e6, 3), " MB, ", host::fixed(cut.flops / 1e9, 3),
                 " GFLOP (", host::fixed(cut.recomputed * 100, 1), "% recomputed), floor ",
                 host::fixed(cut.floor_us, 2), " us, workspace ", cut.workspace_bytes, " bytes\n");
  for (const std::string& kernel : cut.kernels) line += host::text("         ", kernel, "\n");
  return line;
}

}  // namespace

const char* to_string(BlockCut cut) noexcept {
  switch (cut) {
    case BlockCut::automatic:
      return "automatic";
    case BlockCut::whole:
      return "whole";
    case BlockCut::tails:
      return "tails";
    case BlockCut::chain:
      return "chain";
  }
  return "unknown";
}

std::string BlockExplanation::to_string() const {
  return host::guarded_text([&] {
    std::string lines = host::text("cut      ", foldconv::to_string(cut), "\nbecause  ", reason,
                                   "\nmodel    ", device, "\n");
    for (const CutFigures& figures : cuts) lines += line_of(figures);
    return lines;
  });
}

}  // namespace foldconv
