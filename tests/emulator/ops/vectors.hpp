// SPDX-License-Identifier: MIT
// Vectors of the compiler's own, which it maps to what the host has.
#pragma once

#include <cstdint>
#include <cstring>

namespace cuemu {

typedef float Float16Lanes __attribute__((vector_size(64)));
typedef int32_t Int16Lanes __attribute__((vector_size(64)));
typedef uint16_t Half32Lanes __attribute__((vector_size(64)));

// Vectors are never passed or returned by value: on hosts without registers of their size that
// would change the ABI.
template <class V>
inline void load_vector(V& v, const void* from) {
  std::memcpy(&v, from, sizeof v);
}
template <class V>
inline void store_vector(void* to, const V& v) {
  std::memcpy(to, &v, sizeof v);
}

// The transpose of an 8x8 matrix of 16-bit elements: columns 0-3, then columns 4-7, each a row
// of 8.
struct Transposed8x8 {
  Half32Lanes low, high;

  explicit Transposed8x8(const void* matrix) {
    Half32Lanes top, bottom;
    load_vector(top, matrix);
    load_vector(bottom, static_cast<const char*>(matrix) + 64);
    // Element i of a result: column i / 8, row i % 8; rows 4-7 are in the second operand, numbered
    // from 32.
    const Half32Lanes first = {0, 8,  16, 24, 32, 40, 48, 56, 1, 9,  17, 25, 33, 41, 49, 57,
                               2, 10, 18, 26, 34, 42, 50, 58, 3, 11, 19, 27, 35, 43, 51, 59};
    low = __builtin_shuffle(top, bottom, first);
    high = __builtin_shuffle(top, bottom, first + 4);
  }
};

}  // namespace cuemu
