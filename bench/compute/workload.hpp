// The random data of a problem, on the host.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "commands/options.hpp"
#include "compute/images.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/fold.hpp"
#include "harness/oracle/oracle.hpp"

namespace foldconv::tool {

struct Workload {
  ConvProblem problem;
  int distinct = 1;
  oracle::RawConv raw;  // `distinct` images

  std::optional<BatchNorm> batch_norm() const;  // points into raw
  Images y() const { return {problem.dtype, problem.output(), distinct}; }
  Result<FoldedConv> folded() const;    // with BatchNorm, if the workload has one
  Result<FoldedConv> unfolded() const;  // the conv alone, with its own bias if it has one
  // Encoded in the problem's dtype; `images` from 1 on, each a copy of image i % distinct.
  std::vector<std::byte> x(int images) const;
  std::vector<std::byte> residual(int images) const;
};

Workload make_workload(const ConvProblem& problem, const Options& options);

// What the fp64 reference makes of the distinct images with these weights. `problem` is the
// workload's, perhaps without activation or residual.
oracle::Expected expected_of(const Workload& workload, const ConvProblem& problem,
                             const FoldedConv& folded);

}  // namespace foldconv::tool
