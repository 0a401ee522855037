// SPDX-License-Identifier: MIT
// The probes of what only Hopper has.
#pragma once

#include "probe/probe.hpp"

namespace foldconv::probes {

void add_barrier_probes(std::vector<Probe>& probes);
void add_tma_load_probes(std::vector<Probe>& probes);
void add_im2col_probes(std::vector<Probe>& probes);
void add_tma_store_probes(
    std::vector<Probe>& probes);  // and multicast, and bulk copies without a tensor
void add_wgmma_map_probes(
    std::vector<Probe>& probes);  // where each element is read from and written to
void add_wgmma_product_probes(std::vector<Probe>& probes);
void add_wgmma_rounding_probes(std::vector<Probe>& probes);
void add_cluster_probes(std::vector<Probe>& probes);
void add_execution_probes(
    std::vector<Probe>& probes);  // stmatrix, elect, setmaxnreg, dependent launch
void add_encode_probes(std::vector<Probe>& probes);  // what the driver refuses as a tensor map
void add_timing_probes(std::vector<Probe>& probes);  // no words: their notes are figures

// Stores that start at negative coordinates, which the PTX ISA forbids: without an expectation, and last, since they may
// do anything.
void add_undocumented_store_probes(std::vector<Probe>& probes);

}  // namespace foldconv::probes
