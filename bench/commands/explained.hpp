// SPDX-License-Identifier: MIT
// What explain's rows have in common.
#pragma once

#include <string>
#include <vector>

#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"
#include "harness/problem/problem.hpp"
#include "report/report.hpp"

namespace foldconv::tool {

// What the launches wait for: "DRAM", or "2 DRAM, 3 L2".
std::string limits_of(const CutFigures& figures);
// Of a layer's kernel, as of a cut with one launch.
CutFigures figures_of(const Explanation& chosen);

// A kernel of a layer (cut: ""), or a cut of blocks (several kernels: with spaces between). `reason`:
// why it is chosen, or why not. `layer`: about a layer's chosen kernel; `figures`: of that kernel, or
// of a cut that is possible; else null.
Fields explained_fields(const harness::Problem& problem, const std::string& cut,
                        const std::string& kernel, bool chosen, const std::string& reason,
                        const Explanation* layer = nullptr, const CutFigures* figures = nullptr);

std::string named(const harness::Problem& problem);  // "name: ", or ""
// "  title      text", broken between words.
std::string titled(const std::string& title, const std::string& text);

// The kernels side by side, by what they cost; one that does not take the problem with its reason. Whether any takes
// it.
bool explain_kernels(const harness::Problem& problem, const std::vector<std::string>& kernels,
                     Writer& writer);

}  // namespace foldconv::tool
