// SPDX-License-Identifier: MIT
// A consumer's sums -> y, through boxes of kBoxRows pixels x panel_width() channels in shared memory: the residual is
// copied there, the epilogue turns it into the output in place, and from there it is copied to y.
#pragma once

#include <cstdint>

#include "params/conv_sm90_params.hpp"
#include "ptx/mbarrier.cuh"
#include "ptx/shared_memory.cuh"
#include "ptx/stmatrix.cuh"
#include "ptx/tensor_copy.cuh"
#include "ptx/warpgroup.cuh"
#include "stage/element.cuh"
#include "stage/epilogue.cuh"
#include "stage/output_place.cuh"
#include "tile/sm90_tile.hpp"

namespace foldconv {

template <Sm90Tile T, class Element>
class OutputPanels {
 public:
  // `memory`: of all consumers. `residual`: this consumer's barrier.
  __device__ __forceinline__ OutputPanels(const ConvSm90Params& p, std::uint32_t memory,
                                          std::uint32_t residual, int consumer)
      : p_(p),
        memory_(memory + consumer * (T.boxes_in_memory() * T.box_bytes())),
        residual_(residual),
        consumer_(consumer) {}

  // Before a tile's products: its first boxes of the residual are on their way beside them.
  __device__ __forceinline__ void begin(const OutputPlace& place) { open<0>(place); }

  template <class Products>
  __device__ __forceinline__ void store(const Products& products, const OutputPlace& place) {
    store_from<0>(products, place);
  }

  // y is written. By all threads.
  __device__ __forceinline__ void end() const {
    if (leader()) ptx::wait_stores();
  }

 private:
  static constexpr int kPanels = T.block_n / T.panel_width();
  static constexpr int kRowBytes = T.panel_width() * 2;
  static constexpr int kColumns = T.panel_width() / 8;  // of 16 bytes

  struct Box {
    int pixel, channel;  // in the group
  };
  static __device__ __forceinline__ Box box(const OutputPlace& place, int index) {
    return {place.m_begin + index / kPanels * T.kBoxRows,
            place.n_begin + index % kPanels * T.panel_width()};
  }
  __device__ __forceinline__ bool in_y(const Box& box) const {
    return box.pixel < p_.m && box.channel < p_.k_per_group;
  }
  __device__ __forceinline__ std::uint32_t address(int index) const {
    return memory_ + index % T.boxes_in_memory() * T.box_bytes();
  }
  // Calls body(index, box) for those of the boxes from kFirst on that have memory at a time and lie in y.
  template <int kFirst, class Body>
  __device__ __forceinline__ void for_each_box(const OutputPlace& place, Body&& body) const {
#pragma unroll
    for (int index = kFirst; index < kFirst + T.boxes_in_memory(); ++index) {
      const Box at = box(place, index);
      if (in_y(at)) body(index, at);
    }
  }

  // The thread that copies: a wait for stores is one for the thread's own.
  static __device__ __forceinline__ bool leader() {
    return threadIdx.x % 128 == 0;
  }
  __device__ __forceinline__ void synchronize() const {
    switch (consumer_) {
      case 0:
        return ptx::synchronize_threads<1, 128>();
      case 1:
        return ptx::synchronize_threads<2, 128>();
      default:
        return ptx::synchronize_threads<3, 128>();
    }
  }

  // Once earlier stores have read the memory, starts to copy the residual there.
  template <int kFirst>
  __device__ __forceinline__ void open(const OutputPlace& place) const {
    if (!leader()) return;
    ptx::wait_store_reads();
    if (p_.has_residual == 0) return;
    std::uint32_t bytes = 0;
    for_each_box<kFirst>(place, [&](int, const Box&) { bytes += T.box_bytes(); });
    ptx::arrive_and_expect(residual_, bytes);
    for_each_box<kFirst>(place, [&](int index, const Box& at) {
      ptx::load_tensor(address(index), p_.residual, residual_, at.channel, place.group, at.pixel);
    });
  }

  template <int kFirst, class Products>
  __device__ __forceinline__ void store_from(const Products& products, const OutputPlace& place) {
    synchronize();  // the leader has opened the memory
    if (p_.has_residual != 0) {
      ptx::wait_mbarrier(residual_, parity_);
      parity_ ^= 1;
    }
    for_each_box<kFirst>(place, [&](int index, const Box& at) {
      write(products.box(index / kPanels, index % kPanels), address(index), at, place.group);
    });
    ptx::fence_async_shared();
    synchronize();
    if (leader()) {
      for_each_box<kFirst>(place, [&](int index, const Box& at) {
        ptx::store_tensor(p_.y, address(index), at.channel, place.group, at.pixel);
      });
      ptx::commit_stores();
    }
    if constexpr (kFirst + T.boxes_in_memory() < T.boxes()) {
      open<kFirst + T.boxes_in_memory()>(place);
      store_from<kFirst + T.boxes_in_memory()>(products, place);
    }
  }

  // Of a 16-byte column in a row of a box; a warp's 16 rows begin at a multiple of 8, where swizzles begin anew.
  static __device__ __forceinline__ int swizzled(int row_in_eight, int column) {
    if constexpr (kRowBytes < 32) return row_in_eight * kRowBytes;
    return row_in_eight * kRowBytes +
           (column ^ (row_in_eight * kRowBytes / 128 & (kRowBytes / 16 - 1))) * 16;
  }

  template <class Sums>
  __device__ __forceinline__ void write(const Sums& sums, std::uint32_t memory, const Box& at,
                                        int group) const {
    using PairType = typename Pair<Element>::type;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const std::uint32_t rows = memory + static_cast<int>(threadIdx.x) % 128 / 32 * (16 * kRowBytes);
    // stmatrix takes the place of a row from each lane: matrices are eight rows, then the eight below, of a column,
    // then of the next one.
    const int row = lane % 8, below = lane / 8 % 2, next = lane / 16;
    const Epilogue epilogue{p_.scale, p_.bias, p_.activation};
    std::uint32_t fragment[4];
    epilogue.apply(
        sums,
        [&](const PairPlace& pair) {
          const int channel = at.channel + pair.column();
          return epilogue.channels(group * p_.k_per_group + channel, channel < p_.k_per_group);
        },
        p_.has_residual != 0,
        [&](const PairPlace& pair) {
          const std::uint32_t bits = ptx::load_shared_4(
              rows + pair.row_eight * (8 * kRowBytes) +
              swizzled(pair.row_in_eight, pair.column_eight) + pair.column_in_eight * 2);
          return unpack(reinterpret_cast<const PairType&>(bits));
        },
        [&](const PairPlace& pair, float2 v) {
          const PairType packed = Pair<Element>::pack(v);
          const auto bits = reinterpret_cast<const std::uint32_t&>(packed);
          fragment[pair.column_eight % 2 * 2 + pair.row_eight] = bits;
          if (pair.row_eight == 0) return;
          if constexpr (kColumns == 1) {
            ptx::store_matrix_x2(rows + below * (8 * kRowBytes) + swizzled(row, 0), fragment[0],
                                 fragment[1]);
          } else if (pair.column_eight % 2 == 1) {
            ptx::store_matrix_x4(
                rows + below * (8 * kRowBytes) + swizzled(row, pair.column_eight - 1 + next),
                fragment);
          }
        });
  }

  const ConvSm90Params& p_;
  std::uint32_t memory_;
  std::uint32_t residual_;
  int consumer_;
  std::uint32_t parity_ = 0;
};

}  // namespace foldconv
