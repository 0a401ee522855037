// SPDX-License-Identifier: MIT
// What other parts ask of events.
#pragma once

#include <cstddef>

#include "cuda_declarations.hpp"

namespace cuemu::runtime {

// Records the event now, outside any capture. Takes stream_mutex() itself.
cudaError_t record_event(cudaEvent_t event);

// Created and not destroyed. Takes stream_mutex() itself.
size_t live_events();

}  // namespace cuemu::runtime
