// SPDX-License-Identifier: MIT
// How fast the copy engine fills shared memory from L2, and nothing else: a CTA on each SM, a ring of stages, a thread
// that issues and one that waits.
#include "sm90/kernels.hpp"
#include "sm90/ptx.cuh"

namespace foldconv::probes {
namespace {

constexpr std::uint32_t kMostStages = 24;
constexpr std::uint32_t kRingBytes = 192 * 1024;

struct CopyRing {
  std::uint32_t data, full, empty;  // full + 8 * stage, empty + 8 * stage
  std::uint32_t stages, bytes;
  std::uint32_t rank;

  __device__ void issue(const CUtensorMap* map, const CopyRingArguments& p, std::uint32_t stage,
                        std::uint32_t box) const;
};

// The box of that number: pixels in order, over again where they end; taps in turn. A cluster's CTAs take equal
// parts of a box, each for both.
__device__ void CopyRing::issue(const CUtensorMap* map, const CopyRingArguments& p,
                                std::uint32_t stage, std::uint32_t box) const {
  const std::uint32_t parts = p.multicast ? 2 : 1;
  const std::uint32_t part = static_cast<std::uint32_t>(p.pixels) / parts;
  std::uint32_t pixel = box * static_cast<std::uint32_t>(p.pixels) &
                        (static_cast<std::uint32_t>(p.images) * kCopyImagePixels - 1);
  std::uint32_t destination = data + stage * bytes;
  if (p.multicast) {
    pixel += rank * part;
    destination += rank * part * kCopyPixelBytes;
  }
  const std::uint32_t barrier = full + 8 * stage;
  if (p.im2col) {
    const int w = static_cast<int>(pixel % kCopyImageSide) - 1;
    const int h = static_cast<int>(pixel / kCopyImageSide % kCopyImageSide) - 1;
    const int c[5] = {0, w, h, static_cast<int>(pixel / kCopyImagePixels), 0};
    const std::uint16_t tap[3] = {static_cast<std::uint16_t>(box % 3),
                                  static_cast<std::uint16_t>(box / 3 % 3), 0};
    if (p.multicast) {
      ptx::tensor_load_im2col_4d_multicast(destination, map, c, tap, barrier, 3);
    } else {
      ptx::tensor_load_im2col<4>(destination, map, c, tap, barrier);
    }
  } else {
    const int c[5] = {0, static_cast<int>(pixel), 0, 0, 0};
    if (p.multicast) {
      ptx::tensor_load_2d_multicast(destination, map, c[0], c[1], barrier, 3);
    } else {
      ptx::tensor_load<2>(destination, map, c, barrier);
    }
  }
}

__global__ void __launch_bounds__(64)
    copy_ring_kernel(const __grid_constant__ CUtensorMap map, CopyRingArguments p) {
  extern __shared__ unsigned char memory[];
  __shared__ alignas(8) std::uint64_t full_bits[kMostStages], empty_bits[kMostStages];
  const std::uint32_t ctas = p.multicast ? 2 : 1;
  CopyRing ring;
  ring.data = ptx::shared_address(ptx::align_1024(memory));
  ring.full = ptx::shared_address(full_bits);
  ring.empty = ptx::shared_address(empty_bits);
  ring.bytes = static_cast<std::uint32_t>(p.pixels) * kCopyPixelBytes;
  ring.stages = min(kMostStages, kRingBytes / ring.bytes);
  ring.rank = p.multicast ? ptx::cluster_rank() : 0;
  if (threadIdx.x == 0) {
    for (std::uint32_t stage = 0; stage < ring.stages; ++stage) {
      ptx::mbarrier_init(ring.full + 8 * stage, 1);
      ptx::mbarrier_init(ring.empty + 8 * stage, ctas);
    }
    ptx::fence_mbarrier_init();
  }
  __syncthreads();
  if (p.multicast) ptx::cluster_sync();

  const std::uint32_t first = blockIdx.x / ctas, step = gridDim.x / ctas;
  std::uint32_t stage = 0, parity = 0;
  bool in_time = true;
  const auto advance = [&] {
    if (++stage == ring.stages) stage = 0, parity ^= 1;
  };
  const long long start = clock64();
  if (threadIdx.x == 0) {
    for (std::uint32_t round = 0; round < p.rounds && in_time; ++round, advance()) {
      in_time = ptx::wait_bounded(ring.empty + 8 * stage, parity ^ 1);
      if (!in_time) break;
      ptx::mbarrier_arrive_expect_tx(ring.full + 8 * stage, ring.bytes);
      ring.issue(&map, p, stage, first + round * step);
    }
  } else if (threadIdx.x == 32) {
    for (std::uint32_t round = 0; round < p.rounds && in_time; ++round, advance()) {
      in_time = ptx::wait_bounded(ring.full + 8 * stage, parity);
      for (std::uint32_t cta = 0; cta < ctas; ++cta) {
        if (p.multicast) {
          ptx::mbarrier_arrive_remote(ptx::map_address(ring.empty + 8 * stage, cta));
        } else {
          ptx::mbarrier_arrive(ring.empty + 8 * stage, 1);
        }
      }
    }
    p.out[2 * blockIdx.x] = in_time;
    p.out[2 * blockIdx.x + 1] = static_cast<std::uint32_t>(clock64() - start);
  }
  __syncthreads();
  if (p.multicast) ptx::cluster_sync();  // nothing arrives here after this
}

}  // namespace

cudaError_t launch_copy_ring(const CUtensorMap& map, int ctas, const CopyRingArguments& arguments) {
  constexpr int kSharedBytes = static_cast<int>(kRingBytes) + 1024;
  const cudaError_t status =
      cudaFuncSetAttribute(reinterpret_cast<const void*>(copy_ring_kernel),
                           cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes);
  if (status != cudaSuccess) return status;
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = 2;
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(ctas));
  config.blockDim = dim3(64);
  config.dynamicSmemBytes = kSharedBytes;
  config.attrs = &attribute;
  config.numAttrs = arguments.multicast ? 1 : 0;
  return cudaLaunchKernelEx(&config, copy_ring_kernel, map, arguments);
}

}  // namespace foldconv::probes
