// SPDX-License-Identifier: MIT
// BlockExplanation as text.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "foldconv/block.hpp"

namespace foldconv {
namespace {

using host::fixed;
using host::text;

// Launches of one kernel with the same cost, however many there are between others.
std::vector<std::pair<const LaunchFigures*, int>> grouped(const CutFigures& cut) {
  std::vector<std::pair<const LaunchFigures*, int>> groups;
  for (const LaunchFigures& launch : cut.launches) {
    const auto same = std::ranges::find_if(groups, [&](const auto& group) {
      return group.first->kernel == launch.kernel && group.first->floor_us == launch.floor_us &&
             group.first->dram_bytes == launch.dram_bytes;
    });
    if (same == groups.end()) {
      groups.emplace_back(&launch, 1);
    } else {
      ++same->second;
    }
  }
  return groups;
}

bool same_launches(const CutFigures& a, const CutFigures& b) {
  return a.refusal.empty() && b.refusal.empty() && a.floor_us == b.floor_us &&
         std::ranges::equal(a.launches, b.launches, {}, &LaunchFigures::kernel,
                            &LaunchFigures::kernel);
}

std::string lines_of(const CutFigures& cut) {
  if (!cut.refusal.empty()) return text(to_string(cut.cut), "  not possible: ", cut.refusal, "\n");
  std::string lines =
      text(to_string(cut.cut), "  ", cut.launches.size(),
           cut.launches.size() == 1 ? " launch, " : " launches, ", fixed(cut.dram_bytes / 1e6, 3),
           " MB, ", fixed(cut.flops / 1e9, 3), " GFLOP (", fixed(cut.recomputed * 100, 1),
           "% recomputed), floor ", fixed(cut.floor_us, 2), " us, workspace ", cut.workspace_bytes,
           " bytes\n");
  for (const auto& [launch, count] : grouped(cut)) {
    lines += text("         ", count > 1 ? text(count, " x ") : std::string(), launch->kernel,
                  ", floor ", fixed(launch->floor_us, 2), " us (",
                  foldconv::to_string(launch->limit), "), ", launch->tiles, " tiles\n");
  }
  return lines;
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

const char* to_string(BlockShortcut::Kind kind) noexcept {
  switch (kind) {
    case BlockShortcut::Kind::identity:
      return "identity";
    case BlockShortcut::Kind::joined:
      return "joined";
    case BlockShortcut::Kind::convolution:
      return "convolution";
    case BlockShortcut::Kind::none:
      return "none";
  }
  return "unknown";
}

const CutFigures& BlockExplanation::chosen() const {
  static const CutFigures kNone;
  const auto found = std::ranges::find(cuts, cut, &CutFigures::cut);
  return found == cuts.end() ? kNone : *found;
}

std::string BlockExplanation::to_string() const {
  return host::guarded_text([&] {
    std::string lines = text("cut      ", foldconv::to_string(cut), "\nbecause  ", reason,
                             "\nfamily   ", foldconv::to_string(instructions), ": ",
                             instructions_reason, "\nmodel    ", device, "\n");
    for (std::size_t i = 0; i < shortcuts.size(); ++i) {
      if (shortcuts[i].kind == BlockShortcut::Kind::identity ||
          shortcuts[i].kind == BlockShortcut::Kind::none)
        continue;
      lines += text("shortcut ", shortcuts.size() > 1 ? text("of block ", i, ": ") : std::string(),
                    foldconv::to_string(shortcuts[i].kind), shortcuts[i].reason.empty() ? "" : ": ",
                    shortcuts[i].reason, "\n");
    }
    for (auto figures = cuts.begin(); figures != cuts.end(); ++figures) {
      const auto same = std::find_if(cuts.begin(), figures, [&](const CutFigures& before) {
        return same_launches(before, *figures);
      });
      lines += same == figures ? lines_of(*figures)
                               : text(foldconv::to_string(figures->cut), "  as ",
                                      foldconv::to_string(same->cut), "\n");
    }
    return lines;
  });
}

}  // namespace foldconv
