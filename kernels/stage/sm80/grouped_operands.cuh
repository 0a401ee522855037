// SPDX-License-Identifier: MIT
// Where a warp of conv_grouped_sm80 finds its operands: the pixels of the taps that K's positions stand for, and weights.
//
// K runs over taps and, inside a tap, over the channels of one group. An entry of the table stands for T.granule positions:
// where they lie, counted from a pixel's window and the group's first channel. Filling of K meets the zeros that each pixel
// has behind its channels.
//
//   granule 8   a fragment is four 8x8 matrices of 8 pixels x 8 channels of a tap: ldmatrix. Eight pixels lie an odd number of
//               chunks apart: no bank conflicts.
//   granule 4   a lane of a fragment has two channels of one tap, a quad has two taps of 4 channels. Two groups at a time,
//               whose channels are different halves of 16 bytes: lanes 0 and 1 of a quad load theirs of one group while 2
//               and 3 load those of the other one, so that the two taps meet in no bank, wherever they lie; then the other
//               way round.
#pragma once

#include <cstdint>

#include "params/grouped_params.hpp"
#include "ptx/ldmatrix.cuh"
#include "ptx/shared_memory.cuh"
#include "tile/grouped_tile.hpp"

namespace foldconv {

inline constexpr int kFillingOfK = -1;  // an entry of the table

template <GroupedTile T>
__device__ __forceinline__ void build_grouped_table(const GroupedParams& p, int* table) {
  const int entries = p.steps * T.entries_a_step();
#pragma unroll 1
  for (int i = threadIdx.x; i < entries; i += T.threads()) {
    const int tap = static_cast<int>(p.entries_a_tap.quotient(i));
    const int r = static_cast<int>(p.kernel_w.quotient(tap));
    const int column = static_cast<int>(p.kernel_w.remainder(tap, r)) * p.g.dilation_w;
    const int in_plane = static_cast<int>(p.stride_w.quotient(column));
    const int plane = static_cast<int>(p.stride_w.remainder(column, in_plane));
    table[i] = r < p.g.r ? r * p.g.dilation_h * p.shared.row_pitch + plane * p.shared.plane_pitch +
                               in_plane * p.shared.pixel_pitch +
                               static_cast<int>(p.entries_a_tap.remainder(i, tap)) * (T.granule * 2)
                         : kFillingOfK;
  }
}

// Of a unit: T.groups groups from the CTA's `group`-th on, and their `part`-th T.fragments_n fragments of channels.
template <GroupedTile T>
class GroupedOperands {
 public:
  static constexpr int kFragmentsM = GroupedTile::kFragmentsM;
  static_assert(T.columns() % 2 == 0, "two weight fragments share an ldmatrix");
  static_assert(T.granule == 8 || T.groups == 2);

  // `begin`: shared address of the weights; `pixels`: of the tile's pixels.
  __device__ __forceinline__ GroupedOperands(const GroupedParams& p, std::uint32_t begin,
                                             std::uint32_t pixels, int group, int part)
      : group_bytes_(p.g.c_per_group * 2),
        groups_begin_(group * group_bytes_),
        zeros_(p.shared.zeros),
        row_step_(p.g.stride_h * p.shared.row_pitch) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    table_ = begin + p.shared.table + entry_of_lane(lane) * 4;
    const int column = T.granule == 8 ? lane % 8 : lane / 4;
    const int row = T.granule == 8 ? lane / 8 % 2 : 0;
    pixels_ = pixels + row * row_step_ + column * p.shared.pixel_pitch +
              (T.granule == 8 ? 0 : lane % 2 * 4);
#pragma unroll
    for (int i = 0; i < T.columns() / 2; ++i) {
      // Of two columns of fragments, a lane gives the address of a chunk of one of their channels. Past a group's last
      // channel, or its last group, it repeats that: those sums are not stored.
      const int j = i * 2 + lane / 16;
      const int in_cta = min(group + j / T.fragments_n, p.groups_of_block - 1);
      const int channel =
          min((part * T.fragments_n + j % T.fragments_n) * 8 + lane % 8, p.g.k_per_group - 1);
      weights_[i] =
          begin + (in_cta * p.g.k_per_group + channel) * p.shared.weights_pitch + lane / 8 % 2 * 16;
    }
  }

  // A step of 16 K.
  struct Step {
    std::uint32_t w[T.columns() / 2][4];
    std::uint32_t x[T.granule == 8 ? T.groups : 4];  // addresses, for the tile's first rows
  };
  __device__ __forceinline__ void load_step(Step& to, int step) const {
#pragma unroll
    for (int i = 0; i < T.columns() / 2; ++i) ptx::load_matrix_x4(to.w[i], weights_[i] + step * 32);
    const std::uint32_t entry = table_ + step * (T.entries_a_step() * 4);
    if constexpr (T.granule == 8) {
      const int tap = static_cast<int>(ptx::load_shared_4(entry));
#pragma unroll
      for (int i = 0; i < T.groups; ++i) to.x[i] = address(tap, i);
    } else {
      // The quad's lower or upper tap, of the steps' first and second 8 positions; of the group of this lane's half, and of
      // the other one.
#pragma unroll
      for (int eight = 0; eight < 2; ++eight) {
        const int tap = static_cast<int>(ptx::load_shared_4(entry + eight * 8));
        to.x[eight * 2] = address(tap, half());
        to.x[eight * 2 + 1] = address(tap, 1 - half());
      }
    }
  }

  // The i-th fragment of pixels, of each group.
  struct Fragments {
    std::uint32_t x[T.groups][4];
  };
  __device__ __forceinline__ void load(Fragments& to, const Step& step, int i) const {
    const std::uint32_t rows = i * 2 * row_step_;
    if constexpr (T.granule == 8) {
#pragma unroll
      for (int g = 0; g < T.groups; ++g) ptx::load_matrix_x4(to.x[g], step.x[g] + rows);
    } else {
#pragma unroll
      for (int eight = 0; eight < 2; ++eight) {
#pragma unroll
        for (int row = 0; row < 2; ++row) {
          const std::uint32_t at = rows + row * row_step_;
          const std::uint32_t own = ptx::load_shared_4(step.x[eight * 2] + at);
          const std::uint32_t other = ptx::load_shared_4(step.x[eight * 2 + 1] + at);
          to.x[0][eight * 2 + row] = half() == 0 ? own : other;
          to.x[1][eight * 2 + row] = half() == 0 ? other : own;
        }
      }
    }
  }

 private:
  // Of a quad: which of two neighbouring taps.
  static __device__ __forceinline__ int half() {
    return threadIdx.x / 2 % 2;
  }
  static __device__ __forceinline__ int entry_of_lane(int lane) {
    return T.granule == 8 ? lane / 16 : lane / 2 % 2;
  }
  __device__ __forceinline__ std::uint32_t address(int tap, int group) const {
    return pixels_ + (tap == kFillingOfK ? zeros_ + (T.granule == 8 ? 0 : group * 8)
                                         : tap + groups_begin_ + group * group_bytes_);
  }

  int group_bytes_, groups_begin_, zeros_, row_step_;
  std::uint32_t table_, pixels_;
  std::uint32_t weights_[T.columns() / 2];
};

}  // namespace foldconv
