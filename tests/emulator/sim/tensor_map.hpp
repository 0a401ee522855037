// SPDX-License-Identifier: MIT
// Tensor maps: what a program gets as a CUtensorMap, 128 bytes that mean nothing to it, and the walk over the elements that
// a tensor copy moves (PTX ISA 9.0, 5.5).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "../isa/types.hpp"
#include "bulk_copy.hpp"

namespace cuemu {

struct alignas(64) TensorMap {
  static constexpr uint32_t kMagic = 0x4D746375;
  enum class Mode : uint8_t { tiled, im2col };

  uint64_t address = 0;
  uint32_t magic = kMagic;
  Mode mode = Mode::tiled;
  uint8_t rank = 0;
  Type element = Type::none;
  bool converts = false;     // the copy changes values: f32_ftz, tf32 and tf32_ftz
  uint8_t interleave = 0;    // bytes of a slice of channels; 0: none
  uint8_t swizzle = 0;       // as BulkCopy::swizzle
  bool fills_nan = false;    // what lies outside the tensor, instead of zeros
  uint8_t l2_promotion = 0;  // has no effect here
  // Dimensions from the innermost on.
  std::array<uint32_t, 5> last{};     // the highest coordinate
  std::array<uint64_t, 4> strides{};  // bytes, of dimension i + 1
  std::array<uint8_t, 5>
      steps{};  // elements from one to the next that is copied; of dimension 0 always 1
  std::array<uint16_t, 5> box{};  // tiled: elements
  // im2col: channels of a pixel, pixels, and where the box begins and ends, relative to the tensor's first and last
  // pixel; w, h, d.
  uint16_t channels = 0, pixels = 0;
  std::array<int16_t, 3> lower{}, upper{};

  unsigned element_bytes() const { return bytes_of(element); }
  // Elements that a copy has in dimension i of a box.
  uint32_t count(unsigned i) const { return (box[i] + steps[i] - 1u) / steps[i]; }
  // Of what lies together in shared memory, and of the whole copy there.
  uint32_t row_bytes() const {
    return (mode == Mode::im2col ? channels : box[0]) * element_bytes();
  }
  uint32_t box_bytes() const;
};
static_assert(sizeof(TensorMap) == 128);

// What an instruction asks of a map.
struct TensorAccess {
  bool stores = false;
  std::array<int32_t, 5> start{};     // coordinates
  std::array<uint16_t, 3> offsets{};  // im2col loads: w, h, d
};

// A copy that must not be, or of which nobody knows what it does.
struct Objection {
  const char* kind = nullptr;  // of the fault; nullptr: there is none
  std::string text;
};
Objection objection_to(const TensorMap& map, const TensorAccess& access);

// The bytes of the copy, whose place in shared memory begins at offset `shared`, in the order of their offsets. Of a store
// only those inside the tensor.
std::vector<CopyPiece> pieces_of(const TensorMap& map, const TensorAccess& access, uint32_t shared);

}  // namespace cuemu
