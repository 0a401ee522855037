// SPDX-License-Identifier: MIT
// Runs probes so that none can spoil another.
#pragma once

#include <vector>

#include "results.hpp"

namespace foldconv::probes {

// In this process. Never throws: what goes wrong becomes the status.
Outcome run_here(const Probe& probe, const Device& device);

// In one process (this program with --in-child NAME...), as many of the probes as it survives: it
// ends after the first that fails, and is killed where one takes longer than `seconds`. Gives at
// least one outcome, in the order of the probes.
std::vector<Outcome> run_in_child(const std::vector<Probe>& probes, int seconds);

// The other end: runs the probes of these names and writes a line of JSON for each.
void run_as_child(const std::vector<Probe>& all, const std::vector<std::string>& names);

}  // namespace foldconv::probes
