// SPDX-License-Identifier: MIT
// conv_sm90's stages behind the copies, one in a kernel.
#pragma once

#include <cstdint>

#include "params/conv_sm90_params.hpp"
#include "tile/host_device.hpp"
#include "tile/sm90_tile.hpp"

namespace foldconv::stage_tests {

// The sums of some tiles, stages filled by ordinary stores.
inline constexpr Sm90Tile kProductTiles[] = {{64, 8, 1, Teamwork::together, 3},     // bf16
                                             {128, 128, 1, Teamwork::together, 2},  // f16
                                             {256, 32, 2, Teamwork::together, 3}};  // f16
struct ProductsParams {
  const std::uint16_t* stages;  // [tile][block of K][stage], as they lie in shared memory
  float* sums;                  // [tile][block m][block n]
  int* filled;                  // [tile][block of K]: 0, then 1 once the stage is
  int* calls;                   // of all_arrived once a tile's last is, of each consumer's thread
  int tiles, k_blocks;
};
void launch_products(const ProductsParams& params, int tile);

// y of sums set by hand. Kernels with conv_sm90's parameters, of which `units` is the number of tiles.
inline constexpr Sm90Tile kPanelTiles[] = {{64, 8, 1, Teamwork::together, 1},      // f16
                                           {256, 16, 2, Teamwork::together, 1},    // bf16
                                           {192, 32, 3, Teamwork::together, 1},    // f16
                                           {64, 64, 2, Teamwork::ping_pong, 1},    // bf16
                                           {128, 128, 1, Teamwork::together, 1}};  // f16
FOLDCONV_HOST_DEVICE constexpr int sum_by_hand(int pixel, int channel_of_all) {
  return (pixel * 7 + channel_of_all * 13) % 61 - 30;
}
const void* panels_kernel(int tile);

// The tiles of each CTA, in its order: tiles[cta][capacity], counts[cta].
inline constexpr Sm90Tile kScheduledTile = {128, 128, 1, Teamwork::together, 1};
struct ScheduledTile {
  int unit, m_begin, group, n_begin;
};
struct ScheduleParams {
  ConvSm90Params conv;
  ScheduledTile* tiles;
  int* counts;
  int capacity;
};
void launch_schedule(const ScheduleParams& params, int ctas);

// Who reads which stage when: each warp's reads of all stages.
inline constexpr Sm90Tile kTurnsTile = {64, 8, 2, Teamwork::ping_pong, 4};
struct StageRead {
  int consumer, warp;
  int x, w;  // the first element's bits
};
struct TurnsParams {
  ConvSm90Params conv;  // x and w
  StageRead* reads;     // in their order
  int* count;           // 0
  int tiles, k_blocks;
};
void launch_turns(const TurnsParams& params);

}  // namespace foldconv::stage_tests
