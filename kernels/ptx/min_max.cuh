// SPDX-License-Identifier: MIT
// Minimum and maximum that propagate NaN (sm_80); fminf and fmaxf drop it. PTX ISA, "max", "min",
// modifier .NaN.
#pragma once

namespace foldconv::ptx {

__device__ __forceinline__ float max_nan(float a, float b) {
  float result;
  asm("max.NaN.f32 %0, %1, %2;\n" : "=f"(result) : "f"(a), "f"(b));
  return result;
}

__device__ __forceinline__ float min_nan(float a, float b) {
  float result;
  asm("min.NaN.f32 %0, %1, %2;\n" : "=f"(result) : "f"(a), "f"(b));
  return result;
}

}  // namespace foldconv::ptx
