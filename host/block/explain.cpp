// BlockExplanation as text.
#include <cmath>

#include "error.hpp"
#include "foldconv/block.hpp"
#include "text.hpp"

namespace foldconv {
namespace {

double rounded(double value, double step) {
  return std::round(value / step) * step;
}

std::string line_of(const CutFigures& cut) {
  if (!cut.refusal.empty())
    return host::text(to_string(cut.cut), "  not possible: ", cut.refusal, "\n");
  std::string line =
      host::text(to_string(cut.cut), "  ", cut.kernels.size(),
                 cut.kernels.size() == 1 ? " launch, " : " launches, ",
                 rounded(cut.dram_bytes / 1e6, 0.001), " MB, ", rounded(cut.flops / 1e9, 0.001),
                 " GFLOP (", rounded(cut.recomputed * 100, 0.1), "% recomputed), floor ",
                 rounded(cut.floor_us, 0.01), " us, workspace ", cut.workspace_bytes, " bytes\n");
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
    case BlockCut::rotated:
      return "rotated";
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
