// SPDX-License-Identifier: MIT
// The commands of the tool. Each prints a report and returns the program's exit code.
#pragma once

#include <functional>
#include <vector>

#include "commands/options.hpp"
#include "cudnn/cudnn.hpp"
#include "harness/device/machine.hpp"
#include "harness/problem/problem.hpp"
#include "report/report.hpp"

namespace foldconv::tool {

using Problems = std::vector<harness::Problem>;

// Each problem in the ways of foldconv's that fuse, against the fp64 oracle, twice, and in a larger
// batch.
int run_validate(const Options& options, const harness::Device& device, const Problems& problems,
                 Writer& writer);

// Each problem in every way; each way checked, then timed or counted.
int run_bench(const Options& options, const harness::Device& device, const Problems& problems,
              Writer& writer);

// Per layer: the chosen kernel and every refusal; per block: the chosen cut and every other.
int run_explain(const Options& options, const harness::Device& device, const Problems& problems,
                Writer& writer);

// A picture's classes, by a trained network, beside ONNX Runtime's recorded answer.
int run_classify(const Options& options, const harness::Device& device, Writer& writer);

// A network on NumPy files.
int run_model(const Options& options, const harness::Device& device);

// What of an ONNX file is not taken; else what is in it.
int run_inspect(const Options& options);

// The steps of a network, each against the fp64 oracle.
int run_network_validate(const Options& options, const harness::Device& device, Writer& writer);

// A network at each batch size, in each way: launches, bytes, floor; times on a GPU.
int run_network_bench(const Options& options, const harness::Device& device, Writer& writer);

// What was folded and fused, and the launches of a plan.
int run_network_explain(const Options& options, const harness::Device& device, Writer& writer);

// The registry: every way that the tool knows, in the order of its rows. `search`: for cuDNN's.
std::vector<harness::WayMaker> all_ways(
    const std::function<cudnn::Search()>& search = cudnn::installed);

// What stands in the heading of every report, and what this command adds.
Heading heading_of(const Options& options, const harness::Device& device, const Fields& fields = {},
                   const std::vector<std::string>& lines = {});

// The width of a table's problem column.
int label_width(const Problems& problems);

}  // namespace foldconv::tool
