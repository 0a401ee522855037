// SPDX-License-Identifier: MIT
// The probes that there are.
#pragma once

#include <vector>

#include "probe/probe.hpp"

namespace foldconv::probes {

// All, in the order in which they run.
std::vector<Probe> all_probes();
// Not of a GPU: one that is fine, ones that throw, crash and hang, for the test of what runs
// probes.
std::vector<Probe> self_test_probes();

}  // namespace foldconv::probes
