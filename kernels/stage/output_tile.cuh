// The CTA's output tile in shared memory, [block_m][block_n] in the storage type, swizzled: the
// residual arrives here, the epilogue turns it into the output in place, and from here it leaves in
// 16-byte pieces.
#pragma once

#include <cstdint>

#include "conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/swizzle.cuh"
#include "tile/conv_tile.hpp"

namespace foldconv {

// The tile has no memory of its own: its pieces lie in the stages that follow the last one of K in
// the ring. The pipeline loads them like further stages, so the residual is on its way while the
// last products are summed.
template <ConvTile T, class Element>
class OutputTile {
 public:
  static constexpr int kRowBytes = T.block_n * 2;
  static constexpr int kChunksPerRow = kRowBytes / 16;
  static constexpr int kPieceRows = T.block_m / T.output_pieces();
  static constexpr int kRowStep = T.threads() / kChunksPerRow;
  static_assert(T.output_pieces() <= T.stages - 1,
                "pieces must fit into stages that the last product does not read");
  static_assert(T.block_m % T.output_pieces() == 0 && kPieceRows * kRowBytes <= T.stage_bytes());
  static_assert(kPieceRows % kRowStep == 0 && kRowBytes % 128 == 0);

  // `n_begin`: first channel inside the group.
  __device__ __forceinline__ OutputTile(const ConvParams& p, char* shared, int m_begin, int n_begin,
                                        int group)
      : p_(p),
        shared_(shared),
        m_begin_(m_begin),
        n_left_(p.g.k_per_group - n_begin),
        first_element_(m_begin * p.g.k + group * p.g.k_per_group + n_begin) {}

  // Starts the copy of one piece of the residual; zeros outside y.
  __device__ __forceinline__ void load_residual(int piece) const {
    const auto* residual = static_cast<const Element*>(p_.residual) + first_element_;
    for_each_chunk(
        [&](int row, int chunk) {
          const bool valid = m_begin_ + row < p_.m && chunk * 8 < n_left_;
          ptx::copy_async_16(ptx::shared_address(chunk_address(row, chunk)),
                             residual + (valid ? row * p_.g.k + chunk * 8 : 0), valid);
        },
        piece * kPieceRows, (piece + 1) * kPieceRows);
  }

  // Writes the finished tile to y. The caller has synchronised.
  __device__ __forceinline__ void store() const {
    auto* y = static_cast<Element*>(p_.y) + first_element_;
    for_each_chunk(
        [&](int row, int chunk) {
          if (m_begin_ + row < p_.m && chunk * 8 < n_left_) {
            *reinterpret_cast<uint4*>(y + (row * p_.g.k + chunk * 8)) =
                *reinterpret_cast<const uint4*>(chunk_address(row, chunk));
          }
        },
        0, T.block_m);
  }

  // Two neighbouring channels of a pixel; column is even.
  template <class PairType>
  __device__ __forceinline__ PairType* pair(int row, int column) const {
    return reinterpret_cast<PairType*>(chunk_address(row, column / 8) + column % 8 * 2);
  }

 private:
  __device__ __forceinline__ char* chunk_address(int row, int chunk) const {
    const int piece = row / kPieceRows;
    const int stage = (p_.k_blocks + piece) % T.stages;
    return shared_ + stage * T.stage_bytes() + (row % kPieceRows) * kRowBytes +
           swizzled_chunk(row, chunk) * 16;
  }

  template <class Body>
  __device__ __forceinline__ void for_each_chunk(Body&& body, int first_row, int end_row) const {
    const int chunk = threadIdx.x % kChunksPerRow;
#pragma unroll 4
    for (int row = first_row + threadIdx.x / kChunksPerRow; row < end_row; row += kRowStep)
      body(row, chunk);
  }

  const ConvParams& p_;
  char* shared_;
  int m_begin_;
  int n_left_;  // channels of the group from n_begin on
  int first_element_;
};

}  // namespace foldconv
