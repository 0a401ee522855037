// SPDX-License-Identifier: MIT
// CUDA's own declarations, so that the compiler checks the signature of every entry point defined
// here.
#pragma once

// Makes the header declare the per-thread-default-stream entry points (..._ptsz, ..._ptds) next to
// the plain ones.
#define __CUDA_API_VERSION_INTERNAL
#include <cuda_runtime_api.h>
