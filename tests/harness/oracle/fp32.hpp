// SPDX-License-Identifier: MIT
// The arithmetic of fp32, as error bounds need it.
#pragma once

namespace foldconv::oracle {

// Rounding to nearest has a relative error of at most kHalfUlp; "n ulp" of CUDA's mathematical
// functions is n * kUlp.
inline constexpr double kHalfUlp = 0x1p-24;
inline constexpr double kUlp = 0x1p-23;
// Results below the smallest normal number may be flushed to zero.
inline constexpr double kFlush = 0x1p-126;

}  // namespace foldconv::oracle
