// SPDX-License-Identifier: MIT
// What the host side asks of a device, for the GPUs that tests name.
#pragma once

#include "base/device.hpp"

namespace foldconv::test {

inline constexpr host::DeviceFigures kA100 = {80, 108, 166912};
inline constexpr host::DeviceFigures kH100 = {90, 132, 232448};

}  // namespace foldconv::test
