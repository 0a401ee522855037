// SPDX-License-Identifier: MIT
// Marks functions that host (g++) and device (nvcc) code both call.
#pragma once

#ifdef __CUDACC__
#define FOLDCONV_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define FOLDCONV_HOST_DEVICE inline
#endif
