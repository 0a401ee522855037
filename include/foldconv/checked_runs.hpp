// SPDX-License-Identifier: MIT
/// @file
/// Checked runs: each run asks CUDA for its pointers before it launches, so that a wrong one is an error of this run, not
/// a fault of a later call.
#pragma once

#include "foldconv/version.hpp"

namespace foldconv {

/// From now on all runs of the process are checked, or none. Without a call they are where the environment has
/// FOLDCONV_CHECK_RUNS=1 (any value but "" and "0") at the first run. May be called from any thread at any time; a run
/// that is under way in another thread may still be of the old kind.
///
/// A checked run is every ConvPlan::run(), BlockPlan::run(), NetworkPlan::run() and capture(), CudaGraph::launch() and
/// every function of pointwise. Before the first launch it fails with invalid_argument, and launches nothing, where
/// - a pointer, or the last byte that is read or written behind it, is memory of the host that kernels cannot reach, in
///   no allocation (any more), or of another device without peer access;
/// - a tensor is longer than what cudaMalloc() gave for it, wherever the driver tells allocations apart;
/// - the weights were freed, as cudaDeviceReset() does, even where their place is another allocation's by now.
///
/// Pinned and managed memory pass, as does memory that was mapped in pieces or comes from a pool. What is not found:
/// parts of one larger allocation (of a caching allocator) that are too short or given away, memory that is freed while
/// the kernels run, a stream that was destroyed, and what is wrong in the data.
///
/// Costs the host some queries of CUDA for each pointer and each layer's weights; no allocation, no synchronisation, and
/// nothing in the kernels. Runs may be captured as ever: they are checked when they are captured, and a CudaGraph of this
/// library at each launch(). Runs that are not checked pay for a test of a variable.
FOLDCONV_API void check_runs(bool checked) noexcept;

/// Whether runs are checked.
FOLDCONV_API bool runs_are_checked() noexcept;

}  // namespace foldconv
