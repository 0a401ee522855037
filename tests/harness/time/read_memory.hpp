// SPDX-License-Identifier: MIT
// Reads memory, and writes none.
#pragma once

#include <cuda_runtime_api.h>

#include "harness/device/buffer.hpp"

namespace foldconv::harness {

// One launch that reads every byte (but the last bytes % 16): its lines replace those in the L2
// cache, and none of them is dirty. May be captured.
void read_memory(const DeviceBuffer& buffer, cudaStream_t stream);

}  // namespace foldconv::harness
