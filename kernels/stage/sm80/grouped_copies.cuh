// SPDX-License-Identifier: MIT
// What conv_grouped_sm80 moves between global and shared memory: weights once, then for each tile the pixels that its windows
// reach, a residual, and y.
#pragma once

#include <cstdint>

#include "params/grouped_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/tile_place.cuh"
#include "tile/grouped_tile.hpp"

namespace foldconv {

// Loops are not unrolled: the lanes of a warp stay together, and their copies one access, up to the last pass.
template <GroupedTile T, class Element>
class GroupedCopies {
 public:
  __device__ __forceinline__ GroupedCopies(const GroupedParams& p, char* shared, int block)
      : p_(p),
        shared_(shared),
        begin_(ptx::shared_address(shared)),
        first_group_(block * p.groups_of_block),
        first_c_(first_group_ * p.g.c_per_group),
        first_k_(first_group_ * p.g.k_per_group) {}

  // Starts the copies of all weights of the CTA's channels; zeros past the last channel.
  __device__ __forceinline__ void load_weights() const {
    const auto* w =
        static_cast<const Element*>(p_.w) + static_cast<std::int64_t>(first_k_) * p_.row_elements;
    const int channels = p_.groups_of_block * p_.g.k_per_group;
    // Eight neighbouring lanes serve one channel: rows lie an odd number of chunks apart.
    const int lanes = static_cast<int>(p_.weight_lanes.divisor);
#pragma unroll 1
    for (int i = threadIdx.x; i < channels * lanes; i += T.threads()) {
      const int channel = static_cast<int>(p_.weight_lanes.quotient(i));
      const int chunk = static_cast<int>(p_.weight_lanes.remainder(i, channel));
      if (chunk >= p_.steps * 2) continue;
      const bool exists = first_k_ + channel < p_.g.k;
      ptx::copy_async_16(begin_ + channel * p_.shared.weights_pitch + chunk * 16,
                         w + (exists ? channel * p_.row_elements + chunk * 8 : 0), exists);
    }
  }

  // Writes the zeros behind the channels of every pixel: what K's filling meets.
  __device__ __forceinline__ void clear_zeros() const {
#pragma unroll 1
    for (int i = threadIdx.x; i < p_.shared.pixel_places; i += T.threads()) {
      ptx::store_shared_16(begin_ + p_.shared.pixels + i * p_.shared.pixel_pitch + p_.shared.zeros,
                           {0, 0, 0, 0});
    }
  }

  // Starts the copies of the pixels of x that a tile's windows reach, if there is such a tile. Zeros outside the image, and
  // for what only windows of pixels outside y reach.
  __device__ __forceinline__ void load_pixels(int tile, int buffer) const {
    if (tile >= p_.tiles) return;
    const TilePlace place = place_of(tile);
    const int h = place.h * p_.g.stride_h - p_.g.pad_top;
    const int w = place.w * p_.g.stride_w - p_.g.pad_left;
    const int rows = p_.rows - max(place.h + GroupedTile::kSide - p_.g.p, 0) * p_.g.stride_h;
    const int columns = p_.columns - max(place.w + GroupedTile::kSide - p_.g.q, 0) * p_.g.stride_w;
    const auto* image = static_cast<const Element*>(p_.x) +
                        static_cast<std::int64_t>(place.image) * p_.g.h * p_.g.w * p_.g.x_pitch +
                        first_c_;
    const std::uint32_t to = begin_ + p_.shared.pixels + buffer * p_.shared.buffer_bytes;
    const int chunks = static_cast<int>(p_.x_chunks.divisor);
#pragma unroll 1
    for (int i = threadIdx.x; i < p_.rows * p_.columns * chunks; i += T.threads()) {
      const int pixel = static_cast<int>(p_.x_chunks.quotient(i));
      const int chunk = static_cast<int>(p_.x_chunks.remainder(i, pixel));
      const int row = static_cast<int>(p_.x_columns.quotient(pixel));
      const int column = static_cast<int>(p_.x_columns.remainder(pixel, row));
      const int in_plane = static_cast<int>(p_.stride_w.quotient(column));
      const int plane = static_cast<int>(p_.stride_w.remainder(column, in_plane));
      const bool exists = row < rows && column < columns && first_c_ + chunk * 8 < p_.g.c &&
                          inside_image(h + row, w + column, p_.g.h, p_.g.w);
      const std::int64_t pixel_in_image =
          exists ? static_cast<std::int64_t>(h + row) * p_.g.w + w + column : 0;
      ptx::copy_async_16(to + row * p_.shared.row_pitch + plane * p_.shared.plane_pitch +
                             in_plane * p_.shared.pixel_pitch + chunk * 16,
                         image + pixel_in_image * p_.g.x_pitch + (exists ? chunk * 8 : 0), exists);
    }
  }

  // Starts the copies of a tile's residual, or brings it by elements. Zeros outside y.
  __device__ __forceinline__ void load_residual(int tile) const {
    const auto* residual = static_cast<const Element*>(p_.residual);
    if (p_.vector_output != 0) {
      for_each_piece<8>(tile, p_.g.residual_pitch, [&](bool in_y, std::int64_t from, int to) {
        ptx::copy_async_16(begin_ + to, residual + from, in_y);
      });
    } else {
      for_each_piece<1>(tile, p_.g.residual_pitch, [&](bool in_y, std::int64_t from, int to) {
        *reinterpret_cast<Element*>(shared_ + to) = in_y ? residual[from] : Element(0.0f);
      });
    }
  }

  // Writes a finished tile.
  __device__ __forceinline__ void store(int tile) const {
    auto* y = static_cast<Element*>(p_.y);
    if (p_.vector_output != 0) {
      for_each_piece<8>(tile, p_.g.y_pitch, [&](bool in_y, std::int64_t to, int from) {
        if (in_y)
          *reinterpret_cast<uint4*>(y + to) = *reinterpret_cast<const uint4*>(shared_ + from);
      });
    } else {
      for_each_piece<1>(tile, p_.g.y_pitch, [&](bool in_y, std::int64_t to, int from) {
        if (in_y) y[to] = *reinterpret_cast<const Element*>(shared_ + from);
      });
    }
  }

  __device__ __forceinline__ int first_group() const {
    return first_group_;
  }

 private:
  __device__ __forceinline__ TilePlace place_of(int tile) const {
    return {tile, GroupedTile::kSide, GroupedTile::kSide, p_.tiles_per_image, p_.tile_columns};
  }

  // Calls body(whether it lies in y, element of the tensor, or 0, byte of shared memory) for a tile's pieces of kWidth channels.
  template <int kWidth, class Body>
  __device__ __forceinline__ void for_each_piece(int tile, int pitch, Body&& body) const {
    const TilePlace place = place_of(tile);
    const std::int64_t image = static_cast<std::int64_t>(place.image) * p_.g.p;
    const int pieces = static_cast<int>(p_.y_pieces.divisor);
#pragma unroll 1
    for (int i = threadIdx.x; i < GroupedTile::kPixels * pieces; i += T.threads()) {
      const int pixel = static_cast<int>(p_.y_pieces.quotient(i));
      const int piece = static_cast<int>(p_.y_pieces.remainder(i, pixel));
      const int row = place.h + pixel / GroupedTile::kSide;
      const int column = place.w + pixel % GroupedTile::kSide;
      const int channel = first_k_ + piece * kWidth;
      const bool in_y = row < p_.g.p && column < p_.g.q && channel < p_.g.k;
      body(in_y, in_y ? ((image + row) * p_.g.q + column) * pitch + channel : 0,
           p_.shared.output + pixel * p_.shared.output_pitch + piece * (kWidth * 2));
    }
  }

  const GroupedParams& p_;
  char* shared_;
  std::uint32_t begin_;
  int first_group_, first_c_, first_k_;
};

}  // namespace foldconv
