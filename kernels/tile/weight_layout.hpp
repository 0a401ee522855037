// SPDX-License-Identifier: MIT
// The canonical K order, and the packed weight matrix that follows it.
//
// Every kernel sums a dot product in one order, so that all of them give the same bits: channel
// slices of kSliceWidth, inside a slice the taps (r, s), inside a tap the channels. Fewer than
// kSliceWidth channels make one slice of just that width. The packed weights are a row-major matrix
// [k][row], a row being one output channel's weights in this order, filled with zeros to a multiple
// of kSliceWidth. Channels are those of one group.
#pragma once

#include "tile/host_device.hpp"

namespace foldconv {

inline constexpr int kSliceWidth = 64;               // elements of K
inline constexpr int kSliceBytes = kSliceWidth * 2;  // in a 16-bit type: one row of all 32 banks

struct WeightLayout {
  int channels = 0;  // input channels per group
  int taps = 1;      // r * s

  FOLDCONV_HOST_DEVICE constexpr bool narrow() const { return channels < kSliceWidth; }
  FOLDCONV_HOST_DEVICE constexpr int slices() const {
    return (channels + kSliceWidth - 1) / kSliceWidth;
  }
  // Elements of a row.
  FOLDCONV_HOST_DEVICE constexpr int row() const {
    const int used = narrow() ? taps * channels : slices() * taps * kSliceWidth;
    return (used + kSliceWidth - 1) / kSliceWidth * kSliceWidth;
  }
  // Where (tap, channel) stands in a row. tap = r * S + s.
  FOLDCONV_HOST_DEVICE constexpr int index(int tap, int channel) const {
    return narrow() ? tap * channels + channel
                    : (channel / kSliceWidth * taps + tap) * kSliceWidth + channel % kSliceWidth;
  }
};

}  // namespace foldconv
