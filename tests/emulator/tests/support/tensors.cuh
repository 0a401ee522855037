// SPDX-License-Identifier: MIT
// Tensors whose elements name themselves, their tensor maps, and what a copy's elements are by the definitions of the PTX
// ISA, 5.5: plain loops, for the tests of tensor copies.
#pragma once

#include <cuda.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "hopper.cuh"
#include "operand_types.hpp"

namespace cuemu_tests::tensors {

using Bytes = std::vector<uint8_t>;
using Place = std::array<int64_t, 5>;  // coordinates, innermost first

// From the driver, by way of the runtime; nullptr where there is none.
template <class Function>
Function* driver_function(const char* name) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  CUDA_OK(cudaGetDriverEntryPointByVersion(name, &function, 12000, cudaEnableDefault, &found));
  return found == cudaDriverEntryPointSuccess ? reinterpret_cast<Function*>(function) : nullptr;
}

struct Tensor {
  CUtensorMapDataType type = CU_TENSOR_MAP_DATA_TYPE_UINT16;
  int element_bytes = 2;
  int rank = 2;
  std::array<cuuint64_t, 5> dims{1, 1, 1, 1, 1};
  std::array<cuuint32_t, 5> box{1, 1, 1, 1, 1};
  std::array<cuuint32_t, 5> steps{1, 1, 1, 1, 1};
  CUtensorMapSwizzle swizzle = CU_TENSOR_MAP_SWIZZLE_NONE;
  CUtensorMapFloatOOBfill fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE;
  CUtensorMapInterleave interleave = CU_TENSOR_MAP_INTERLEAVE_NONE;
  int pitch_padding = 0;  // bytes between rows, more than their length rounded up to 16 bytes
  // im2col: w, h, d
  bool im2col = false;
  std::array<int, 3> lower{}, upper{};
  cuuint32_t channels = 0, pixels = 0;

  std::array<cuuint64_t, 5> strides() const {  // of dimension i + 1; the last is the whole size
    std::array<cuuint64_t, 5> s{};
    s[0] = (dims[0] * element_bytes + 15) / 16 * 16 + pitch_padding;
    for (int i = 1; i < 5; ++i) s[i] = s[i - 1] * dims[i];
    return s;
  }
  size_t bytes() const { return strides()[4]; }
  bool holds(const Place& p) const {
    for (int i = 0; i < 5; ++i)
      if (p[i] < 0 || p[i] >= int64_t(dims[i])) return false;
    return true;
  }
  size_t offset(const Place& p) const {
    const auto s = strides();
    return p[0] * element_bytes + p[1] * s[0] + p[2] * s[1] + p[3] * s[2] + p[4] * s[3];
  }

  CUresult encode(CUtensorMap& map, void* address) const {
    const auto s = strides();
    if (im2col)
      return driver_function<decltype(cuTensorMapEncodeIm2col)>("cuTensorMapEncodeIm2col")(
          &map, type, rank, address, dims.data(), s.data(), lower.data(), upper.data(), channels,
          pixels, steps.data(), interleave, swizzle, CU_TENSOR_MAP_L2_PROMOTION_NONE, fill);
    return driver_function<decltype(cuTensorMapEncodeTiled)>("cuTensorMapEncodeTiled")(
        &map, type, rank, address, dims.data(), s.data(), box.data(), steps.data(), interleave,
        swizzle, CU_TENSOR_MAP_L2_PROMOTION_NONE, fill);
  }
  CUtensorMap map(void* address) const {
    CUtensorMap m;
    EXPECT_EQ(int(encode(m, address)), int(CUDA_SUCCESS));
    return m;
  }
};

inline const char* name_of(CUtensorMapSwizzle s) {
  static const char* const names[] = {"none", "32", "64", "128"};
  return names[s];
}
inline std::string describe(const Tensor& t, const Place& start) {
  std::string text = std::to_string(t.element_bytes) + " bytes, swizzle " + name_of(t.swizzle);
  for (int i = 0; i < t.rank; ++i)
    text += "; " + std::to_string(start[i]) + " of " + std::to_string(t.dims[i]) + ", box " +
            std::to_string(t.box[i]) + " step " + std::to_string(t.steps[i]);
  return text;
}

inline Bytes random_bytes(size_t count, u64 seed) {
  Random random(seed);
  Bytes bytes(count);
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(random.next() >> 24);
  return bytes;
}

// The elements of a tiled copy, in the order in which they lie in shared memory: ceil(box / step) in each dimension but
// the innermost, which knows no step.
inline std::vector<Place> tile_elements(const Tensor& t, const Place& start) {
  std::vector<Place> all;
  const auto step = [&](int i) { return i == 0 ? 1 : int64_t(t.steps[i]); };
  for (int64_t e = 0; e < t.box[4]; e += step(4))
    for (int64_t d = 0; d < t.box[3]; d += step(3))
      for (int64_t c = 0; c < t.box[2]; c += step(2))
        for (int64_t b = 0; b < t.box[1]; b += step(1))
          for (int64_t a = 0; a < t.box[0]; ++a)
            all.push_back({start[0] + a, start[1] + b, start[2] + c, start[3] + d, start[4] + e});
  return all;
}

// Where a byte lies: the swizzle exchanges 16-byte units within its width, by bits 7 and up of the address.
inline uint32_t swizzled(uint32_t address, CUtensorMapSwizzle swizzle) {
  const uint32_t units = 1u << swizzle;  // 1, 2, 4, 8
  return address ^ (address / 128 % units) * 16;
}

constexpr uint8_t kUntouched = 0xEE;

// Shared memory behind a load to `place` of `memory_bytes`, whose other bytes are kUntouched.
inline Bytes loaded(const Tensor& t, const Bytes& tensor, const std::vector<Place>& elements,
                    uint32_t place, size_t memory_bytes) {
  Bytes memory(memory_bytes, kUntouched);
  uint32_t at = place;
  for (const Place& p : elements)
    for (int b = 0; b < t.element_bytes; ++b, ++at)
      memory[swizzled(at, t.swizzle)] = t.holds(p) ? tensor[t.offset(p) + b] : 0;
  return memory;
}

// --- Kernels

struct Copy {
  int rank = 2;
  bool im2col = false;
  int start[5] = {};
  unsigned short offsets[3] = {};
  uint32_t place = 0;         // in shared memory, from a multiple of 1024 bytes on
  uint32_t bytes = 0;         // of the copy
  uint32_t memory_bytes = 0;  // that the kernel looks at
};

extern __shared__ unsigned char tensor_memory[];
constexpr uint32_t kMemoryBytes = 65 * 1024;  // dynamic, of every kernel here

__device__ inline uint32_t aligned_memory() {
  return (hopper::address_of(tensor_memory) + 1023) / 1024 * 1024;
}
__device__ inline unsigned char* memory_at(uint32_t offset) {
  return tensor_memory + (aligned_memory() - hopper::address_of(tensor_memory)) + offset;
}

__device__ inline void load_tile(uint32_t to, const void* map, const int (&c)[5], int rank,
                                 uint32_t barrier) {
#define TENSOR_LOAD(dim, list, ...)                                                          \
  asm volatile("cp.async.bulk.tensor." dim                                                   \
               ".shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {" list \
               "}], [%2];" ::"r"(to),                                                        \
               "l"(map), "r"(barrier), __VA_ARGS__                                           \
               : "memory")
  if (rank == 1) TENSOR_LOAD("1d", "%3", "r"(c[0]));
  if (rank == 2) TENSOR_LOAD("2d", "%3, %4", "r"(c[0]), "r"(c[1]));
  if (rank == 3) TENSOR_LOAD("3d", "%3, %4, %5", "r"(c[0]), "r"(c[1]), "r"(c[2]));
  if (rank == 4) TENSOR_LOAD("4d", "%3, %4, %5, %6", "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]));
  if (rank == 5)
    TENSOR_LOAD("5d", "%3, %4, %5, %6, %7", "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]), "r"(c[4]));
#undef TENSOR_LOAD
}

__device__ inline void load_im2col(uint32_t to, const void* map, const int (&c)[5],
                                   const unsigned short (&o)[3], int rank, uint32_t barrier) {
#define IM2COL_LOAD(dim, list, offsets, ...)                                                   \
  asm volatile("cp.async.bulk.tensor." dim                                                     \
               ".shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], [%1, {" list \
               "}], [%2], {" offsets "};" ::"r"(to),                                           \
               "l"(map), "r"(barrier), __VA_ARGS__                                             \
               : "memory")
  if (rank == 3) IM2COL_LOAD("3d", "%3, %4, %5", "%6", "r"(c[0]), "r"(c[1]), "r"(c[2]), "h"(o[0]));
  if (rank == 4)
    IM2COL_LOAD("4d", "%3, %4, %5, %6", "%7, %8", "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]),
                "h"(o[0]), "h"(o[1]));
  if (rank == 5)
    IM2COL_LOAD("5d", "%3, %4, %5, %6, %7", "%8, %9, %10", "r"(c[0]), "r"(c[1]), "r"(c[2]),
                "r"(c[3]), "r"(c[4]), "h"(o[0]), "h"(o[1]), "h"(o[2]));
#undef IM2COL_LOAD
}

// One load; `out` gets the shared memory behind it.
__global__ void load_kernel(const __grid_constant__ CUtensorMap map, Copy copy,
                            unsigned char* out) {
  __shared__ alignas(8) uint64_t bits;
  const uint32_t barrier = hopper::address_of(&bits);
  for (uint32_t i = threadIdx.x; i < copy.memory_bytes; i += blockDim.x) *memory_at(i) = kUntouched;
  hopper::fence_async();
  if (threadIdx.x == 0) {
    hopper::init(barrier, 1);
    hopper::fence_init();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    hopper::arrive_expect(barrier, copy.bytes);
    const uint32_t to = aligned_memory() + copy.place;
    if (copy.im2col)
      load_im2col(to, &map, copy.start, copy.offsets, copy.rank, barrier);
    else
      load_tile(to, &map, copy.start, copy.rank, barrier);
  }
  hopper::wait(barrier, 0);
  for (uint32_t i = threadIdx.x; i < copy.memory_bytes; i += blockDim.x) out[i] = *memory_at(i);
}

inline Copy copy_of(const Tensor& t, const Place& start, size_t elements, uint32_t place) {
  Copy c;
  c.rank = t.rank;
  c.im2col = t.im2col;
  for (int i = 0; i < 5; ++i) c.start[i] = static_cast<int>(start[i]);
  c.place = place;
  c.bytes = static_cast<uint32_t>(elements * t.element_bytes);
  c.memory_bytes = place + (c.bytes + 127) / 128 * 128 + 128;
  return c;
}

template <class Kernel, class... Arguments>
void launch(Kernel kernel, unsigned threads, Arguments... arguments) {
  CUDA_OK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMemoryBytes));
  kernel<<<1, threads, kMemoryBytes>>>(arguments...);
}

// Loads and compares; false where something differs.
inline bool check_load(const char* file, int line, const Tensor& t, const Place& start,
                       const std::vector<Place>& elements, const std::array<int, 3>& offsets = {},
                       uint32_t place = 0) {
  const Bytes tensor = random_bytes(t.bytes(), 7);
  const DeviceBuffer<uint8_t> memory(tensor);
  Copy c = copy_of(t, start, elements.size(), place);
  for (int i = 0; i < 3; ++i) c.offsets[i] = static_cast<unsigned short>(offsets[i]);
  const DeviceBuffer<uint8_t> out(c.memory_bytes);
  launch(load_kernel, 32, t.map(memory.get()), c, out.get());
  CUDA_OK(cudaDeviceSynchronize());
  const Bytes actual = out.download();
  const Bytes expected = loaded(t, tensor, elements, place, c.memory_bytes);
  const auto differs = std::mismatch(actual.begin(), actual.end(), expected.begin());
  if (differs.first == actual.end()) return true;
  const auto at = differs.first - actual.begin();
  return expect_equal(file, line, "byte", int(*differs.first), int(*differs.second),
                      "at " + std::to_string(at) + "; " + describe(t, start));
}

}  // namespace cuemu_tests::tensors
