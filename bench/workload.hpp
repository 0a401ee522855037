// The random data of a problem, on the host, and the judgement of what a kernel made of it.
//
// The fp64 reference is slow, so a large batch holds copies: image i is image i % distinct. The
// first `distinct` images are compared with the reference; every other one must equal its twin
// bit by bit, because an image's result may not depend on its place in the batch.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "foldconv/conv.hpp"
#include "foldconv/fold.hpp"
#include "options.hpp"
#include "reference/reference.hpp"

namespace foldconv::tool {

struct Workload {
  ConvProblem problem;
  int distinct = 1;
  reference::RawConv raw;  // `distinct` images

  bool has_batch_norm() const { return !raw.variance.empty(); }
  Result<FoldedConv> folded() const;    // with BatchNorm, if the workload has one
  Result<FoldedConv> unfolded() const;  // the conv alone, with its own bias if it has one
  // Encoded in the problem's dtype; `images` from 1 on, each a copy of image i % distinct.
  std::vector<std::byte> x(int images) const;
  std::vector<std::byte> residual(int images) const;
};

Workload make_workload(const ConvProblem& problem, const Options& options);

// What the fp64 reference makes of the distinct images with these weights. `problem` is the
// workload's, perhaps without activation or residual.
reference::Expected expected_of(const Workload& workload, const ConvProblem& problem,
                                const FoldedConv& folded);

struct Verdict {
  bool pass = false;
  double max_abs_error = 0;
  double worst_share = 0;  // of the error bound
  std::string reason;      // why it does not pass
};

// Judges an output tensor of workload.problem, all images.
Verdict judge(const Workload& workload, const reference::Expected& expected,
              std::span<const std::byte> y);

}  // namespace foldconv::tool
