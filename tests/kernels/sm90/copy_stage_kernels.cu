// SPDX-License-Identifier: MIT
#include "copy_stage_kernels.hpp"

#include <cuda_runtime.h>

#include "sm90/conv.cuh"

namespace foldconv::stage_tests {
namespace {

__global__ void __launch_bounds__(kCopiedTile.threads(), 1)
    copy_stages(const __grid_constant__ ConvSm90Params p, std::uint16_t* y) {
  constexpr Sm90Tile T = kCopiedTile;
  extern __shared__ char memory[];
  const std::uint32_t shared =
      (ptx::shared_address(memory) + T.kAlignment - 1) / T.kAlignment * T.kAlignment;
  const Sm90Barriers<T> barriers(shared + T.barriers_offset());
  const TileSchedule<T> schedule(p);
  if (threadIdx.x == 0) barriers.init(schedule.cluster_size());
  schedule.clustered() ? ptx::synchronize_cluster() : __syncthreads();

  if (threadIdx.x >= T.consumers * 128) {
    if (ptx::elected()) copy_tiles<T>(p, schedule, shared, barriers);
  } else {
    const int k_blocks = p.slices * p.r * p.s;
    RingConsumer<T> ring(shared, barriers, schedule.clustered() ? schedule.rank() ^ 1 : -1);
    for (int unit = schedule.first(); unit < schedule.units(); unit += schedule.step()) {
      std::uint16_t* to =
          y + static_cast<std::int64_t>(unit * schedule.cluster_size() + schedule.rank()) *
                  k_blocks * (T.stage_bytes() / 2);
      for (int k_block = 0; k_block < k_blocks; ++k_block) {
        const std::uint32_t stage = ring.wait();
        for (int i = threadIdx.x; i < T.stage_bytes() / 2; i += 128) {
          to[i] = static_cast<std::uint16_t>(ptx::load_shared_2(stage + i * 2));
        }
        __syncwarp();  // a lane tells for its warp
        ring.release<0>();
        to += T.stage_bytes() / 2;
      }
    }
  }
  if (schedule.clustered()) ptx::synchronize_cluster();
}

}  // namespace

void launch_copies(const ConvSm90Params& params, int clusters, std::uint16_t* y) {
  constexpr Sm90Tile T = kCopiedTile;
  const unsigned int cluster = params.multicast == Multicast::none ? 1 : 2;
  cudaFuncSetAttribute(copy_stages, cudaFuncAttributeMaxDynamicSharedMemorySize, T.shared_bytes());
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {cluster, 1, 1};
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(clusters * cluster);
  config.blockDim = dim3(T.threads());
  config.dynamicSmemBytes = T.shared_bytes();
  config.attrs = &attribute;
  config.numAttrs = cluster > 1 ? 1 : 0;
  cudaLaunchKernelEx(&config, copy_stages, params, y);
}

}  // namespace foldconv::stage_tests
