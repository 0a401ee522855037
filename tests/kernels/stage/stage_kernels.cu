// SPDX-License-Identifier: MIT
#include "stage_kernels.hpp"

#include "ptx/async_copy.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/epilogue.cuh"
#include "stage/sm80/stage_ring.cuh"
#include "stage/sm80/warp_mma.cuh"
#include "stage/swizzle.cuh"

namespace foldconv::stage_tests {
namespace {

using Mma = WarpMma<2, 4, __half>;
constexpr int kRows = 32;

__device__ void copy_slice(const std::uint16_t* from, char* to) {
  for (int i = threadIdx.x; i < kRows * 8; i += 32) {
    const int row = i / 8, chunk = i % 8;
    *reinterpret_cast<uint4*>(to + row * kSliceBytes + swizzled_chunk(row, chunk) * 16) =
        *reinterpret_cast<const uint4*>(from + i * 8);
  }
}

__global__ void product(ProductParams p) {
  __shared__ __align__(128) char x[kRows * kSliceBytes], w[kRows * kSliceBytes];
  copy_slice(p.x, x);
  copy_slice(p.w, w);
  __syncthreads();
  Mma mma;
  mma.multiply_slice(ptx::shared_address(x) + x_offset<Mma>(0),
                     ptx::shared_address(w) + w_offset<Mma>(0));

  const Epilogue epilogue{p.scale, p.bias, {p.activation, p.alpha, p.beta}};
  const auto channels = [&](const PairPlace& at) {
    const int k = at.column();
    return epilogue.channels(k, k < p.channels, k + 1 < p.channels);
  };
  const auto residual = [&](const PairPlace& at) {
    const float* z = p.residual + at.row() * kRows + at.column();
    return float2{z[0], z[1]};
  };
  const auto store = [&](const PairPlace& at, float2 v) {
    float* y = p.y + at.row() * kRows + at.column();
    y[0] = v.x;
    y[1] = v.y;
  };
  if (p.rows == 0) {
    epilogue.apply(mma.sums, channels, p.residual != nullptr, residual, store);
  } else {
    epilogue.apply_to_rows(mma.sums, channels, p.residual != nullptr, residual,
                           [&](const PairPlace& first, const float2(&row)[4]) {
                             for (int j = 0; j < 4; ++j) {
                               PairPlace at = first;
                               at.column_eight = j;
                               store(at, row[j]);
                             }
                           });
  }
}

constexpr int kStageBytes = 1024, kThreads = kStageBytes / 16;

template <int kStages>
__global__ void ring_of(RingParams p) {
  __shared__ __align__(128) char shared[kStages * kStageBytes];
  const std::uint32_t begin = ptx::shared_address(shared);
  int to_copy = 0;
  const auto fill = [&](std::uint32_t stage) {
    if (to_copy < p.count) {
      ptx::copy_async_16(stage + threadIdx.x * 16,
                         p.x + to_copy * (kStageBytes / 4) + threadIdx.x * 4, true);
    }
    ++to_copy;
  };
  StageRing<kStages, kStageBytes> ring(begin);
  produce_ahead(ring, fill);
  for (int i = 0; i < p.count; ++i) {
    const char* stage = shared + (ring.wait() - begin);
    produce(ring, fill);
    // What another thread copied: only the ring's barrier makes it visible.
    const int other = kThreads - 1 - static_cast<int>(threadIdx.x);
    reinterpret_cast<uint4*>(p.y)[i * kThreads + other] =
        reinterpret_cast<const uint4*>(stage)[other];
    ring.release();
  }
  ptx::wait_async_copies<0>();
}

}  // namespace

void launch_product(const ProductParams& params) {
  product<<<1, 32>>>(params);
}

void launch_ring(const RingParams& params, int stages) {
  if (stages == 2) ring_of<2><<<1, kThreads>>>(params);
  if (stages == 3) ring_of<3><<<1, kThreads>>>(params);
  if (stages == 4) ring_of<4><<<1, kThreads>>>(params);
}

}  // namespace foldconv::stage_tests
