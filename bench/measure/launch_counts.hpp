// What the emulator counts, launch by launch.
#pragma once

#include <vector>

#include "measure/model.hpp"
#include "measure/timing.hpp"

namespace foldconv::tool {

// Runs `launches` once, to its end, and returns what each of its kernels did, in launch order.
// On the emulator only. Errors: those of `launches`; cuda_error.
Result<std::vector<Traffic>> count_launches(const Launches& launches);

}  // namespace foldconv::tool
