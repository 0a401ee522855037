// SPDX-License-Identifier: MIT
// Generic addresses.
#pragma once

#include <cstdint>

namespace cuemu {

// Generic addresses outside the host's: the top nibble tells the window, the rest is the address in
// its space.
inline constexpr unsigned kWindowShift = 60;
inline constexpr uint64_t kSharedWindow = uint64_t{1} << kWindowShift;
inline constexpr uint64_t kLocalWindow = uint64_t{2} << kWindowShift;
inline constexpr uint64_t kParamWindow = uint64_t{3} << kWindowShift;
inline constexpr uint64_t kWindowOffset = (uint64_t{1} << kWindowShift) - 1;

}  // namespace cuemu
