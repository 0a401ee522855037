// SPDX-License-Identifier: MIT
// What the emulator counts, launch by launch.
#pragma once

#include <vector>

#include "harness/device/objects.hpp"
#include "measure/model.hpp"

namespace foldconv::tool {

// Runs `launch` once, to its end, and returns what each of its kernels did, in launch order.
// On the emulator only. Throws what `launch` throws, and Error (cuda_error).
std::vector<Traffic> count_launches(const harness::Launch& launch);

}  // namespace foldconv::tool
