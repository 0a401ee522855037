// SPDX-License-Identifier: MIT
// How many blocks of a kernel fit on a multiprocessor: the rules of compute capability 8.0 and 9.0,
// the same as those of the toolkit's cuda_occupancy.h.
#pragma once

#include <cstddef>

#include "modules.hpp"

namespace cuemu::runtime {

// The largest block, in threads, that the register file holds at so many registers a thread (0:
// unknown, no limit).
int threads_that_fit_registers(int registers_per_thread);

int active_blocks_per_multiprocessor(const KernelRecord& kernel, int block_threads,
                                     size_t dynamic_shared);

// How many clusters of so many blocks fit on the device at once. A model: as if the blocks of a cluster could lie on any
// multiprocessors. On a GPU they lie in one GPC, and its multiprocessors are not always a multiple of the cluster.
int active_clusters(const KernelRecord& kernel, int cluster_blocks, int block_threads,
                    size_t dynamic_shared);

}  // namespace cuemu::runtime
