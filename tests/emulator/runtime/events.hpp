// What graph nodes do with events.
#pragma once

#include "cuda_declarations.hpp"

namespace cuemu::runtime {

// Records the event now, outside any capture. Takes stream_mutex() itself.
cudaError_t record_event(cudaEvent_t event);

}  // namespace cuemu::runtime
