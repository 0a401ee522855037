// The commands of the tool. Each prints a report and returns the program's exit code.
#pragma once

#include <vector>

#include "descriptor.hpp"
#include "device.hpp"
#include "options.hpp"
#include "report.hpp"

namespace foldconv::tool {

// Per problem: the fused kernel against the fp64 reference, twice, and in a larger batch.
int run_validate(const Options& options, const Device& device,
                 const std::vector<Descriptor>& problems, Report& report);

// Per problem: fused, chain and unfused, each checked, then timed or counted.
int run_bench(const Options& options, const Device& device, const std::vector<Descriptor>& problems,
              Report& report);

// Per problem: the chosen kernel and every refusal.
int run_explain(const Options& options, const Device& device,
                const std::vector<Descriptor>& problems, Report& report);

// What stands in the heading of every report.
Fields heading_fields(const Options& options, const Device& device);
std::vector<std::string> heading_lines(const Options& options, const Device& device);

// "23 problems", "1 problem"
std::string counted(std::size_t count, const std::string& noun);

// The width of a table's problem column.
int label_width(const std::vector<Descriptor>& problems);

}  // namespace foldconv::tool
