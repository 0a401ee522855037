// SPDX-License-Identifier: MIT
// Copies from host to device memory that have been issued and have not arrived.
//
// Of a copy from pageable memory CUDA promises only that the source has been read when the call
// returns ("API synchronization behavior" in its reference), of cudaMemcpyAsync from pinned memory
// not even that. In late mode such a copy arrives when something that is ordered after it begins, or
// when the host waits for it; until then the destination is poison.
#pragma once

#include <memory>
#include <vector>

#include "streams.hpp"

namespace cuemu::runtime {

struct LateCopy;
using LateCopies = std::vector<std::shared_ptr<LateCopy>>;

// False when late copies are switched off, or CUDA promises more for this one.
bool may_arrive_late(const CopyOperation& copy);

// Takes the copy over, which has been checked.
void issue_late(const Stream& stream, const CopyOperation& copy);

// Those that come before whatever is put into the stream now.
LateCopies copies_before(const Stream& stream);

// They arrive now, unless they have done so already.
void land(const LateCopies& copies);
void land_all_of(int device);
void land_all();

}  // namespace cuemu::runtime
