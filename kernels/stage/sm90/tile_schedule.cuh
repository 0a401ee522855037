// SPDX-License-Identifier: MIT
// Which tiles a CTA of a persistent kernel computes, one after the other.
#pragma once

#include "params/conv_sm90_params.hpp"
#include "stage/output_place.cuh"
#include "tile/sm90_tile.hpp"

namespace foldconv {

template <Sm90Tile T>
class TileSchedule {
 public:
  __device__ __forceinline__ explicit TileSchedule(const ConvSm90Params& p)
      : p_(p), multicast_(T.may_multicast() ? p.multicast : Multicast::none) {}

  __device__ __forceinline__ Multicast multicast() const { return multicast_; }
  __device__ __forceinline__ bool clustered() const { return multicast_ != Multicast::none; }
  __device__ __forceinline__ int cluster_size() const { return clustered() ? 2 : 1; }
  // Of this CTA in its cluster; clusters are neighbours in the grid.
  __device__ __forceinline__ int rank() const { return clustered() ? blockIdx.x % 2 : 0; }

  // for (unit = first(); unit < units(); unit += step())
  __device__ __forceinline__ int first() const { return blockIdx.x / cluster_size(); }
  __device__ __forceinline__ int step() const { return gridDim.x / cluster_size(); }
  __device__ __forceinline__ int units() const { return p_.units; }

  // This CTA's tile of a unit. Of a cluster's two tiles the second may lie outside y: its CTA takes part in the
  // copies.
  __device__ __forceinline__ OutputPlace place(int unit) const {
    const int row = static_cast<int>(p_.unit_columns.quotient(unit));
    const int column = static_cast<int>(p_.unit_columns.remainder(unit, row));
    const int group = static_cast<int>(p_.unit_columns_group.quotient(column));
    const int column_in_group = static_cast<int>(p_.unit_columns_group.remainder(column, group));
    const bool share_weights = multicast_ == Multicast::weights;
    const bool share_pixels = multicast_ == Multicast::pixels;
    return {(share_weights ? row * 2 + rank() : row) * T.block_m, group,
            (share_pixels ? column_in_group * 2 + rank() : column_in_group) * T.block_n};
  }

 private:
  const ConvSm90Params& p_;
  Multicast multicast_;
};

}  // namespace foldconv
