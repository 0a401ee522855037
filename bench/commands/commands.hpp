// The commands of the tool. Each prints a report and returns the program's exit code.
#pragma once

#include <vector>

#include "commands/options.hpp"
#include "device.hpp"
#include "problems/batch_file.hpp"
#include "report/report.hpp"

namespace foldconv::tool {

// Per layer: the fused kernel against the fp64 reference, twice, and in a larger batch. Per block:
// so each cut.
int run_validate(const Options& options, const Device& device, const ProblemList& list,
                 Report& report);

// Per layer: fused, chain and unfused, per block: its cuts and separate kernels, and cuDNN's ways;
// each checked, then timed or counted.
int run_bench(const Options& options, const Device& device, const ProblemList& list,
              Report& report);

// Per layer: the chosen kernel and every refusal; per block: the chosen cut and every other.
int run_explain(const Options& options, const Device& device, const ProblemList& list,
                Report& report);

// Runs small problems through cuDNN and writes what it computes to options.out.
int run_record_cudnn(const Options& options, const Device& device);

// What stands in the heading of every report.
Fields heading_fields(const Options& options, const Device& device);
std::vector<std::string> heading_lines(const Options& options, const Device& device);

// "23 problems", "1 problem"
std::string counted(std::size_t count, const std::string& noun);

// The width of a table's problem column.
int label_width(const ProblemList& list);

}  // namespace foldconv::tool
