// What explain says about a problem: a row for each kernel of a layer, or each cut of a block.
#pragma once

#include <string>
#include <vector>

#include "commands/options.hpp"
#include "compute/block_workload.hpp"
#include "problems/descriptor.hpp"
#include "report/report.hpp"

namespace foldconv::tool {

struct ExplainedKernel {
  std::string name, descriptor;
  std::string cut;     // "" of a layer
  std::string kernel;  // several: separated by spaces; "": none
  bool chosen = false;
  std::string reason;  // why chosen, or why not; "": it would have been possible
  Value grid = {}, threads = {}, shared_bytes = {}, registers = {}, ctas_per_sm = {}, waves = {};
  Value launches = {}, dram_bytes = {}, flops = {}, recomputed = {}, floor_us = {};
  Value workspace_bytes = {};
};
Fields to_fields(const ExplainedKernel& kernel);

// Errors: what explain() and plan() say.
Result<std::vector<Row>> explain_layer(const Descriptor& descriptor, const ConvProblem& problem,
                                       const Options& options);
Result<std::vector<Row>> explain_blocks(const BlockDescriptor& descriptor, const Options& options);

}  // namespace foldconv::tool
