// SPDX-License-Identifier: MIT
// The CTA's output tile in shared memory, [block_m][block_n] in the storage type, swizzled: the
// residual arrives here, the epilogue turns it into the output in place, and from here it leaves in
// 16-byte pieces.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/output_place.cuh"
#include "stage/sm80/accumulators.cuh"
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
  // Rows narrower than 128 bytes share a line, and its swizzle.
  static constexpr int kRowsPerLine = kRowBytes < 128 ? 128 / kRowBytes : 1;
  static_assert(
      kRowBytes * kRowsPerLine % 128 == 0,
      "block n of a tile must be 16, 32 or a multiple of 64: rows that make whole 128-byte lines");
  static_assert(T.output_pieces() <= T.stages - 1,
                "a tile needs more stages than its output has pieces, which lie in the stages that "
                "the last product does not read");
  static_assert(T.block_m % T.output_pieces() == 0 && kPieceRows * kRowBytes <= T.stage_bytes(),
                "block m of a tile must be a multiple of its output's pieces: take a power of two");
  static_assert(
      kRowStep % (8 * kRowsPerLine) == 0 && kPieceRows % kRowStep == 0,
      "a tile's warps must copy its output in whole steps of 8 lines or more: warps * 256 / "
      "block n rows a step, a multiple of 8 lines that divides the rows of a piece");
  static_assert(
      kPieceRows % T.warp_m() == 0,
      "block m / warps m of a tile must divide the rows of a piece of its output: a warp's "
      "rows lie in one piece");

  // `first_stage`: of the ring, for the first piece.
  __device__ __forceinline__ OutputTile(const ConvParams& p, char* shared, const OutputPlace& place,
                                        int first_stage)
      : p_(p),
        shared_(shared),
        first_stage_(first_stage),
        first_row_(threadIdx.x / kChunksPerRow),
        chunk_(threadIdx.x % kChunksPerRow),
        first_pixel_(place.m_begin + first_row_),
        first_channel_(place.group * p.g.k_per_group + place.n_begin + chunk_ * 8) {
    columns_left_ = p.g.k_per_group - place.n_begin;
    // Rows of this thread that lie in y: all or none of them where the chunk is past the group's
    // last channel.
    rows_left_ = chunk_ * 8 < columns_left_ ? p.m - place.m_begin - first_row_ : 0;
  }

  // Starts the copy of one piece of the residual; zeros outside y.
  __device__ __forceinline__ void load_residual(int piece) const {
    const std::int64_t row_elements = p_.g.residual_pitch;
    const auto* residual =
        static_cast<const Element*>(p_.residual) + first_pixel_ * row_elements + first_channel_;
    const std::uint32_t to = ptx::shared_address(own_chunks(piece));
    for_each_own_row(piece, [&](int row, int row_in_piece) {
      ptx::copy_async_16(to + row_in_piece * kRowBytes, residual + row * row_elements,
                         row < rows_left_);
    });
  }

  // Brings all of the residual, if there is one, and waits for all threads' parts of it.
  __device__ __forceinline__ void bring_residual() const {
    if (p_.residual == nullptr) return;
    if (p_.vector_output != 0) {
#pragma unroll
      for (int piece = 0; piece < T.output_pieces(); ++piece) load_residual(piece);
      ptx::commit_async_copies();
      ptx::wait_async_copies<0>();
    } else {
      load_residual_elements();
    }
    __syncthreads();
  }

  // Writes the finished tile to y. The caller has synchronised.
  __device__ __forceinline__ void store() const {
    const std::int64_t row_elements = p_.g.y_pitch;
    auto* y = static_cast<Element*>(p_.y) + first_pixel_ * row_elements + first_channel_;
#pragma unroll
    for (int piece = 0; piece < T.output_pieces(); ++piece) {
      const char* from = own_chunks(piece);
      for_each_own_row(piece, [&](int row, int row_in_piece) {
        if (row < rows_left_) {
          *reinterpret_cast<uint4*>(y + row * row_elements) =
              *reinterpret_cast<const uint4*>(from + row_in_piece * kRowBytes);
        }
      });
    }
  }

  // The same two for channel counts that break 16-byte pieces: element by element, neighbouring lanes neighbouring
  // channels. Loops of few instructions, for they are rare and every kernel has them.
  __device__ __forceinline__ void load_residual_elements() const {
    for_each_element(p_.g.residual_pitch, [&](bool in_y, std::int64_t element, Element* in_tile) {
      *in_tile = in_y ? static_cast<const Element*>(p_.residual)[element] : Element(0.0f);
    });
  }
  __device__ __forceinline__ void store_elements() const {
    for_each_element(p_.g.y_pitch, [&](bool in_y, std::int64_t element, const Element* in_tile) {
      if (in_y) static_cast<Element*>(p_.y)[element] = *in_tile;
    });
  }

  // Where a lane finds its pairs of accumulators; their places count from the warp's first row and
  // column.
  class WarpPairs {
   public:
    template <class PairType>
    __device__ __forceinline__ PairType* pair(const PairPlace& at) const {
      return reinterpret_cast<PairType*>(piece_ +
                                         chunk_offset(first_eight_ + at.row_eight, at.row_in_eight,
                                                      first_chunk_ + at.column_eight) +
                                         at.column_in_eight * 2);
    }

   private:
    friend OutputTile;
    char* piece_;
    int first_eight_, first_chunk_;  // eight rows, eight channels
  };

  __device__ __forceinline__ WarpPairs warp_pairs(int warp_row, int warp_column) const {
    WarpPairs pairs;
    pairs.piece_ = piece_base(warp_row / kPieceRows);
    pairs.first_eight_ = warp_row % kPieceRows / 8;
    pairs.first_chunk_ = warp_column / 8;
    return pairs;
  }

 private:
  __device__ __forceinline__ char* piece_base(int piece) const {
    return shared_ + static_cast<unsigned int>(first_stage_ + piece) % T.stages * T.stage_bytes();
  }
  // Of a chunk in its piece: in the given row of the given eight rows.
  static __device__ __forceinline__ int chunk_offset(int eight, int row_in_eight, int chunk) {
    constexpr int kLinesInEight = 8 / kRowsPerLine;
    const int line_in_eight = row_in_eight / kRowsPerLine;
    const int in_line = row_in_eight % kRowsPerLine * kChunksPerRow + chunk;
    return eight * (8 * kRowBytes) + line_in_eight * (kRowsPerLine * kRowBytes) +
           swizzled_chunk(eight * kLinesInEight + line_in_eight, in_line) * 16;
  }
  // Calls body(whether it lies in y, element of a tensor of y's shape, place in the tile) for the tile's elements that
  // fall to this thread.
  template <class Body>
  __device__ __forceinline__ void for_each_element(int pitch, Body&& body) const {
    const int m_begin = first_pixel_ - first_row_, channel = first_channel_ - chunk_ * 8;
#pragma unroll 1
    for (int i = threadIdx.x; i < T.block_m * T.block_n; i += T.threads()) {
      const int row = i / T.block_n, column = i % T.block_n, in_piece = row % kPieceRows;
      body(m_begin + row < p_.m && column < columns_left_,
           static_cast<std::int64_t>(m_begin + row) * pitch + channel + column,
           reinterpret_cast<Element*>(piece_base(row / kPieceRows) +
                                      chunk_offset(in_piece / 8, in_piece % 8, column / 8)) +
               column % 8);
    }
  }
  // A thread moves the same chunk of every kRowStep-th row; the swizzle is the same for all of
  // them.
  __device__ __forceinline__ char* own_chunks(int piece) const {
    return piece_base(piece) + chunk_offset(first_row_ / 8, first_row_ % 8, chunk_);
  }
  template <class Body>
  __device__ __forceinline__ void for_each_own_row(int piece, Body&& body) const {
#pragma unroll
    for (int row = 0; row < kPieceRows; row += kRowStep) body(piece * kPieceRows + row, row);
  }

  const ConvParams& p_;
  char* shared_;
  int first_stage_;
  int first_row_, chunk_;
  int first_pixel_, first_channel_;
  int columns_left_;  // of the group, from the tile's first on
  int rows_left_;
};

}  // namespace foldconv
