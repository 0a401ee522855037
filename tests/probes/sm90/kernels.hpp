// SPDX-License-Identifier: MIT
// What the Hopper kernels take, and the functions that launch them. Pointers are to device memory.
#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstdint>

namespace foldconv::probes {

// --- wgmma.cu ---

enum class WgmmaType { f16, bf16, tf32, e4m3, s8, f16_minus_a, f16_minus_b };
enum class WgmmaSource { ss, rs };  // A from shared memory, or from registers

struct WgmmaKey {
  WgmmaType type;
  int n;
  WgmmaSource source;
  int trans_a, trans_b;  // 1: M-major, N-major
  int turns;             // how often, in one group: more than 1 is for timing
};

inline constexpr int kWgmmaImageBytes = 64 * 1024;

struct WgmmaArguments {
  const std::uint32_t* image;  // of shared memory, from a 1024-byte boundary on
  std::uint32_t image_words;
  std::uint64_t descriptor_a, descriptor_b;  // with start addresses relative to the image
  const std::uint32_t* a_fragments;          // register i of thread t at 128 * i + t
  std::uint32_t* d;          // register i of thread t at 128 * i + t; read and written
  std::uint32_t accumulate;  // scale-d
  std::uint64_t* cycles;
};

int wgmma_count();
WgmmaKey wgmma_key(int index);
cudaError_t launch_wgmma(const WgmmaKey& key, const WgmmaArguments& arguments);

// --- wgmma_beside_copies.cu ---

// A box of f16, 64 wide and 128 high, 128-byte swizzle.
inline constexpr std::uint32_t kCopyBoxBytes = 128 * 128;
struct BesideArguments {
  int groups;            // warpgroups that multiply: 1 or 2
  std::uint32_t blocks;  // of 4 instructions, each warpgroup
  bool copies;           // whether boxes are copied meanwhile, without a pause
  // Cycles and one sum of each warpgroup; how many boxes were copied, and whether all came in time.
  std::uint32_t* out;  // 6 words
};
// m64nNk16 of f16 for N = 64, 128, 256.
cudaError_t launch_wgmma_beside_copies(int n, bool registers, const CUtensorMap& map,
                                       const BesideArguments& arguments);

// --- copy_ring.cu ---

// Images of f16, NHWC, 64 channels.
inline constexpr std::uint32_t kCopyImageSide = 32, kCopyImagePixels = 1024, kCopyPixelBytes = 128;
struct CopyRingArguments {
  bool im2col;           // 3x3 taps with padding 1; else rows of pixels
  bool multicast;        // clusters of 2, each loads one half for both; the map's box is that half
  int pixels;            // of a stage
  int images;            // a power of 2
  std::uint32_t rounds;  // boxes for each CTA
  std::uint32_t* out;    // for each CTA: 1 where all came in time; cycles
};
cudaError_t launch_copy_ring(const CUtensorMap& map, int ctas, const CopyRingArguments& arguments);

// --- launch_gap.cu ---

// Adds 1 to the count; `dependent`: may start while the launch before it runs.
cudaError_t launch_tick(cudaStream_t stream, int ctas, bool dependent, std::uint32_t* count);
// A cooperative launch. out: 1 where all rounds were in time, cycles of all of them.
cudaError_t launch_grid_barrier(int ctas, std::uint32_t rounds, std::uint32_t* count,
                                std::uint32_t* out);

// --- tma.cu ---

// Loads end in shared memory that was filled with kTmaPoison; `out` gets 1 where the barrier
// completed, then the cycles from issue to completion, then `dump_words` words from the
// destination's 1024-byte boundary on.
inline constexpr std::uint32_t kTmaPoison = 0xa5a5a5a5;
inline constexpr int kTmaHeaderWords = 2;

struct TmaLoadArguments {
  int rank;
  bool im2col;
  int coordinates[5];         // innermost first
  std::uint16_t offsets[3];   // im2col: w, h, d
  std::uint32_t bytes;        // that the barrier is told to expect
  std::uint32_t destination;  // bytes after the boundary
  std::uint32_t dump_words;
  std::uint32_t* out;
};
cudaError_t launch_tma_load(const CUtensorMap& map, const TmaLoadArguments& arguments);

enum class TmaStore { tiled_2d, tiled_4d, im2col_4d, add_2d };
struct TmaStoreArguments {
  TmaStore form;
  int coordinates[5];
  const std::uint32_t* image;  // of shared memory from a 1024-byte boundary on
  std::uint32_t image_words;
  std::uint32_t* out;  // 1, cycles
};
cudaError_t launch_tma_store(const CUtensorMap& map, const TmaStoreArguments& arguments);

// CTA 0 loads a box for the CTAs of `mask`; each CTA dumps as a load does, one after the other.
// CTAs outside of the mask do not wait: their word is 2.
struct TmaMulticastArguments {
  int cluster;
  int coordinates[2];
  std::uint16_t mask;
  std::uint32_t bytes, dump_words;
  std::uint32_t* out;
};
cudaError_t launch_tma_multicast(const CUtensorMap& map, const TmaMulticastArguments& arguments);

// Bulk copies without a tensor: a round trip, a sum into global memory, a multicast over a cluster.
cudaError_t launch_bulk_round_trip(const std::uint32_t* source, std::uint32_t* destination,
                                   std::uint32_t bytes, std::uint32_t* out);
cudaError_t launch_bulk_add(const std::uint32_t* source, std::uint32_t* destination,
                            std::uint32_t bytes, std::uint32_t* out);
cudaError_t launch_bulk_multicast(const std::uint32_t* source, std::uint32_t bytes, int cluster,
                                  std::uint16_t mask, std::uint32_t* out);

// --- mbarrier.cu ---

enum class BarrierStep : std::uint32_t {
  init,  // with `value` arrivals
  invalidate,
  arrive,       // `value` times; gives the pending count of the state returned
  arrive_drop,  // likewise
  arrive_no_complete,
  arrive_expect_tx,  // `value` bytes
  expect_tx,
  complete_tx,
  test_parity,  // of `value`: gives 0 or 1
  try_parity,
  test_state,         // of the last arrival
  copy_async_arrive,  // a cp.async of 16 bytes, then its arrival, then a wait for all copies
};
struct BarrierCommand {
  BarrierStep step;
  std::uint32_t value;
};
// One thread runs the commands on one barrier; `out` gets three words for each: the result (0 where
// there is none) and the barrier's 64 opaque bits after it.
cudaError_t launch_barrier_script(const BarrierCommand* commands, int count,
                                  const std::uint32_t* source, std::uint32_t* out);
// Warps 1.. arrive `rounds` times each after warp 0 is waiting with try_wait; `out`: rounds seen,
// cycles of the last.
cudaError_t launch_barrier_rounds(int threads, int rounds, std::uint32_t* out);

// --- cluster.cu --- `out` gets kClusterWords words for each CTA, by its number in the grid.

inline constexpr int kClusterWords = 64;
struct ClusterShape {
  unsigned x, y, z;
};
enum class ClusterProbe {
  ids,
  read_remote,
  write_remote,
  atomics,
  store_async,
  store_async_4,
  arrive_remote,
  expect_remote,
  bulk_to_cluster
};
// `clusters` of that shape along x.
cudaError_t launch_cluster(ClusterProbe probe, const ClusterShape& shape, unsigned clusters,
                           std::uint32_t* out);
// The largest cluster of `blocks` CTAs with that much shared memory: whether it launches, and how
// many fit.
struct ClusterLimit {
  cudaError_t occupancy_status, launch_status;
  int active_clusters;
};
ClusterLimit cluster_limit(int blocks, int shared_bytes, bool non_portable, std::uint32_t* out);
cudaError_t potential_cluster_size(int shared_bytes, bool non_portable, int* size);

// --- execution.cu ---

cudaError_t launch_stmatrix(int matrices, bool transposed,
                            std::uint32_t* out);  // 32 rows of 4 words
cudaError_t launch_elect(std::uint32_t* out);     // 64 words
// Three warpgroups: one gives registers back, two take them and sum over many live values.
inline constexpr std::uint32_t kSetmaxnregFactor = 0x9e3779b1;
cudaError_t launch_setmaxnreg(const std::uint32_t* in,
                              std::uint32_t* out);  // 384 words, 3 of cycles
// Two kernels in a stream, the second under programmatic stream serialisation. out[0]: what the
// second read after its wait; out[1]: whether the first saw the second running; out[2]: what the
// second read before its wait.
cudaError_t launch_dependent_pair(bool early, std::uint32_t* scratch, std::uint32_t* out);
cudaError_t launch_timer(std::uint32_t* out);  // cycles of clock64 itself, of an empty loop

}  // namespace foldconv::probes
