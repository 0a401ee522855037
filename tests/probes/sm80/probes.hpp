// SPDX-License-Identifier: MIT
// The probes of what sm_80 has: they run on the emulator and on any GPU, and shall give the same
// bits.
#pragma once

#include "probe/probe.hpp"

namespace foldconv::probes {

void add_fragment_probes(
    std::vector<Probe>& probes);  // which lane and register holds which element of an mma
void add_move_probes(std::vector<Probe>& probes);  // ldmatrix, cp.async
void add_arithmetic_probes(
    std::vector<Probe>& probes);  // conversions, min, max, fma, approximations
void add_mma_rounding_probes(std::vector<Probe>& probes);

}  // namespace foldconv::probes
