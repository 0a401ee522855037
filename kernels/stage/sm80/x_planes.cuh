// SPDX-License-Identifier: MIT
// Few channels: what a CTA's pixels need of x, once in shared memory, and the operands of the product
// read from there.
//
// Plane r holds what filter row r reads, for each row of y that the tile touches a segment: all the
// windows of its pixels, padding included, which overlap as they do in x.
//
//   plane 0   [ windows of pixels 0 .. 79 ] gap [ windows of pixels 80 .. 191 ] gap [ ...
//   plane 1   the same, one row of x further down
//   plane R   zeros, for the end of K
//
// So the address of a position of K is a sum, as in stage/address_table.cuh: window(pixel) + delta(k),
// without a mask, for padding lies in the planes as zeros. The steps (host/catalog/row_planes.cpp) keep
// an element at the same place in 16 bytes as x has it, so that all of x comes by 16-byte copies, and
// at nearly the same bank as if rows of x, rows of y and filter rows followed each other without gaps:
// a fragment's 8 pixels x 4 pairs have no bank conflict if 8 windows begin within 40 elements.
//
// Where x is a part of the channels of another tensor, a pixel has its own channels in the planes, filled up to whole
// chunks, and what lies between pixels is left out.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/output_place.cuh"
#include "tile/conv_tile.hpp"

namespace foldconv {

// What two neighbouring positions of K add to the address of a window, in bytes. The second need not
// follow the first: a filter row may end between them.
struct PairDelta {
  int first, second;
};

// `planes` (16-byte aligned) and `deltas` (one for each pair of K): in shared memory. The caller waits
// for the copies and synchronises before it reads.
template <ConvTile T, class Element>
class XPlanes {
 public:
  __device__ __forceinline__ XPlanes(const ConvParams& p, char* planes, PairDelta* deltas,
                                     const OutputPlace& place)
      : p_(p),
        planes_(planes),
        deltas_(deltas),
        first_pixel_(place.m_begin),
        last_pixel_(min(place.m_begin + T.block_m, p.m) - 1),
        first_row_(static_cast<int>(p.per_row.quotient(place.m_begin))),
        first_channel_(place.group * p.g.c_per_group) {}

  // Starts the copies of x, with all threads: eight neighbouring ones serve a segment of a plane.
  __device__ __forceinline__ void load() const {
    constexpr int kTeam = 8;
    const int team = static_cast<int>(threadIdx.x) / kTeam;
    const int lane = static_cast<int>(threadIdx.x) % kTeam;
    const int planes = static_cast<int>(p_.rows.planes.divisor);
    const int rows = static_cast<int>(p_.per_row.quotient(last_pixel_)) - first_row_ + 1;
    for (int i = team; i < rows * planes; i += T.threads() / kTeam) {
      const int row = static_cast<int>(p_.rows.planes.quotient(i));
      load_segment(row, static_cast<int>(p_.rows.planes.remainder(i, row)), lane * 8, kTeam * 8);
    }
  }

  // Fills `deltas`, with all threads.
  __device__ __forceinline__ void build_deltas() const {
    for (int i = threadIdx.x; i < p_.k_blocks * (kSliceWidth / 2); i += T.threads()) {
      deltas_[i] = {delta(i * 2), delta(i * 2 + 1)};
    }
  }

  // Shared address of the window of the tile's pixel `i`. One past the last pixel of y has that one's.
  __device__ __forceinline__ std::uint32_t window(int i) const {
    const int m = min(first_pixel_ + i, last_pixel_);
    const int row_of_y = static_cast<int>(p_.per_row.quotient(m));
    const Segment segment(*this, row_of_y - first_row_);
    return ptx::shared_address(planes_) +
           (segment.position + (m - segment.first_pixel) * p_.rows.pixel_step) * 2;
  }

 private:
  // The pixels of the tile in one row of y.
  struct Segment {
    int first_pixel;  // of y
    int image;
    int h, w;      // of the first pixel's window in the image; may lie outside
    int position;  // of the first pixel's window in plane 0

    __device__ __forceinline__ Segment(const XPlanes& x, int row) {
      const ConvParams& p = x.p_;
      const int row_of_y = x.first_row_ + row;
      first_pixel = max(row_of_y * p.g.q, x.first_pixel_);
      image = static_cast<int>(p.per_image.quotient(first_pixel));
      h = (row_of_y - image * p.g.p) * p.g.stride_h - p.g.pad_top;
      w = (first_pixel - row_of_y * p.g.q) * p.g.stride_w - p.g.pad_left;
      position = (first_pixel - x.first_pixel_) * p.rows.pixel_step + row * p.rows.row_gap;
      // Its place in 16 bytes of x; modulo 8, no overflow matters.
      const unsigned int element =
          ((static_cast<unsigned int>(image) * p.g.h + h) * p.g.w + w) * p.rows.pixel.divisor +
          x.first_channel_;
      position += static_cast<int>((element - position) % 8);
    }
  };

  __device__ __forceinline__ void load_segment(int row, int r, int first, int step) const {
    const ConvGeometry& g = p_.g;
    const int pixel_elements = static_cast<int>(p_.rows.pixel.divisor);
    const Segment segment(*this, row);
    const int pixels = min((first_row_ + row + 1) * g.q - 1, last_pixel_) - segment.first_pixel + 1;
    const int begin = segment.position + r * p_.rows.plane_step;
    const int end = begin + (pixels - 1) * p_.rows.pixel_step +
                    (g.s - 1) * g.dilation_w * pixel_elements + g.c_per_group;
    const int h = segment.h + r * g.dilation_h;
    const bool inside = r < g.r && static_cast<unsigned int>(h) < static_cast<unsigned int>(g.h);
    const int row_elements = (g.w - 1) * pixel_elements + g.c;
    const auto* x = static_cast<const Element*>(p_.x) +
                    (static_cast<std::int64_t>(segment.image) * g.h + h) * (g.w * g.x_pitch);
    const std::uint32_t to = ptx::shared_address(planes_);
    // `at` counts in the planes, `element` in a row of x whose pixels are as far apart as in the planes.
    const int to_element = segment.w * pixel_elements + first_channel_ - begin;
    // The team begins with a sector of x, 32 bytes, of which the first half may not be wanted.
    const int first_chunk = begin / 8 * 8;
    const auto address = reinterpret_cast<std::uintptr_t>(x + (first_chunk + to_element));
    for (int at = first_chunk - static_cast<int>(address % 32) / 2 + first; at < end; at += step) {
      if (at < first_chunk) continue;
      const int element = at + to_element;
      const int present = inside ? max(0, min(8, row_elements - element)) : 0;
      if (element < 0 && element + present > 0) {
        load_first_elements(to + at * 2, x, -element, min(8, row_elements - element));
      } else {
        const int gaps = static_cast<int>(p_.rows.pixel.quotient(max(element, 0))) *
                         (g.x_pitch - pixel_elements);
        ptx::copy_async_up_to_16(to + at * 2, x + element + gaps, element < 0 ? 0 : present * 2);
      }
    }
  }

  // The chunk that begins before a row of x, in the row above: elements `from` to `end` of it are the
  // row's first.
  __device__ __forceinline__ void load_first_elements(std::uint32_t to, const Element* x_row,
                                                      int from, int end) const {
    const auto* bits = reinterpret_cast<const unsigned short*>(x_row);
    std::uint32_t words[4] = {0, 0, 0, 0};
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      if (e >= from && e < end) {
        words[e / 2] |= static_cast<std::uint32_t>(__ldg(bits + (e - from))) << (e % 2 * 16);
      }
    }
    ptx::store_shared_16(to, words);
  }

  // In bytes.
  __device__ __forceinline__ int delta(int k) const {
    const ConvGeometry& g = p_.g;
    const int tap = static_cast<int>(p_.channels.quotient(k));
    const int channel = static_cast<int>(p_.channels.remainder(k, tap));
    if (tap >= g.r * g.s) return g.r * p_.rows.plane_step * 2;
    const int r = static_cast<int>(p_.kernel_w.quotient(tap));
    const int s = static_cast<int>(p_.kernel_w.remainder(tap, r));
    return (r * p_.rows.plane_step + s * g.dilation_w * static_cast<int>(p_.rows.pixel.divisor) +
            channel) *
           2;
  }

  const ConvParams& p_;
  char* planes_;
  PairDelta* deltas_;
  int first_pixel_, last_pixel_;  // of y
  int first_row_;                 // of y, over all images
  int first_channel_;
};

}  // namespace foldconv
