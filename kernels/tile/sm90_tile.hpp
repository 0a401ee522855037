// SPDX-License-Identifier: MIT
// Tiles of conv_sm90: one struct feeds kernel, tensor maps, launch and selector, so no figure is computed twice.
#pragma once

#include "tile/host_device.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv {

// What the two CTAs of a cluster share: each loads half of it and sends it to both. With `none` there are no clusters.
enum class Multicast {
  none,
  weights,  // neighbouring pixels, the same channels
  pixels,   // the same pixels, neighbouring channels
};

// How the consumer warpgroups divide the work.
enum class Teamwork {
  together,   // the rows of each tile
  ping_pong,  // the tiles: one's epilogue runs beside the other's products
};

// One k slice a stage. A consumer is a warpgroup that multiplies; one more warp or warpgroup copies.
struct Sm90Tile {
  int block_m = 0;  // output pixels (N*P*Q flattened)
  int block_n = 0;  // output channels: N of each wgmma
  int consumers = 1;
  Teamwork teamwork = Teamwork::together;
  int stages = 0;

  static constexpr int kBoxRows = 64;      // of y: M of a wgmma
  static constexpr int kAlignment = 1024;  // of stages: where a 128-byte swizzle begins

  FOLDCONV_HOST_DEVICE constexpr bool ping_pong() const { return teamwork == Teamwork::ping_pong; }
  // Consumers first, so that each is a whole warpgroup. Several give the producer's registers to them, which whole
  // warpgroups can.
  FOLDCONV_HOST_DEVICE constexpr int threads() const {
    return consumers * 128 + (moves_registers() ? 128 : 32);
  }
  FOLDCONV_HOST_DEVICE constexpr bool moves_registers() const { return consumers > 1; }
  FOLDCONV_HOST_DEVICE constexpr int producer_registers() const { return consumers == 3 ? 32 : 40; }
  FOLDCONV_HOST_DEVICE constexpr int consumer_registers() const {
    return consumers == 3 ? 160 : 232;
  }
  // That read one stage.
  FOLDCONV_HOST_DEVICE constexpr int consumers_of_a_stage() const {
    return ping_pong() ? 1 : consumers;
  }

  // Of a tile, those that one consumer multiplies.
  FOLDCONV_HOST_DEVICE constexpr int consumer_rows() const {
    return block_m / consumers_of_a_stage();
  }
  // wgmmas of 64 rows that make these.
  FOLDCONV_HOST_DEVICE constexpr int atoms() const { return consumer_rows() / kBoxRows; }

  FOLDCONV_HOST_DEVICE constexpr int x_bytes() const { return block_m * kSliceBytes; }
  FOLDCONV_HOST_DEVICE constexpr int stage_bytes() const {
    return x_bytes() + block_n * kSliceBytes;
  }

  // y leaves (and the residual arrives) in boxes of kBoxRows pixels x panel_width() channels, [pixel][channel] in
  // shared memory, swizzled as wide as its rows are.
  FOLDCONV_HOST_DEVICE constexpr int panel_width() const { return block_n < 64 ? block_n : 64; }
  FOLDCONV_HOST_DEVICE constexpr int box_bytes() const { return kBoxRows * panel_width() * 2; }
  FOLDCONV_HOST_DEVICE constexpr int boxes() const {
    return atoms() * (block_n / panel_width());
  }  // of a consumer
  // That a consumer has memory for; where it has more of them, they take turns.
  FOLDCONV_HOST_DEVICE constexpr int boxes_in_memory() const {
    const int most = ping_pong() ? 4 : 2;
    return boxes() < most ? boxes() : most;
  }

  // Whether a launch with clusters pays.
  FOLDCONV_HOST_DEVICE constexpr bool may_multicast() const {
    return block_m >= 128 && block_n >= 128;
  }
  // Pixels of one copy of x, and rows of one copy of w.
  FOLDCONV_HOST_DEVICE constexpr int x_box_rows(Multicast multicast) const {
    return multicast == Multicast::pixels ? block_m / 2 : block_m;
  }
  FOLDCONV_HOST_DEVICE constexpr int w_box_rows(Multicast multicast) const {
    return multicast == Multicast::weights ? block_n / 2 : block_n;
  }

  // Two of each stage, two of each consumer.
  FOLDCONV_HOST_DEVICE constexpr int barriers() const { return 2 * stages + 2 * consumers; }
  FOLDCONV_HOST_DEVICE constexpr int output_offset() const { return stages * stage_bytes(); }
  FOLDCONV_HOST_DEVICE constexpr int barriers_offset() const {
    return output_offset() + consumers * boxes_in_memory() * box_bytes();
  }
  // Of a launch; the kernel aligns the beginning itself.
  FOLDCONV_HOST_DEVICE constexpr int shared_bytes() const {
    return kAlignment + barriers_offset() + barriers() * 8;
  }
};

}  // namespace foldconv
