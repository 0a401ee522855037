// SPDX-License-Identifier: MIT
#include "lz4_block.hpp"

#include <stdexcept>

namespace cuemu::runtime {
namespace {

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  bool at_end() const { return position_ == bytes_.size(); }

  uint8_t byte() {
    if (at_end()) throw std::runtime_error("LZ4 block: truncated");
    return bytes_[position_++];
  }

  // A 4-bit length goes on in bytes of 255 when it is 15.
  size_t length(unsigned nibble) {
    size_t length = nibble;
    if (nibble != 15) return length;
    uint8_t more;
    do {
      more = byte();
      length += more;
    } while (more == 255);
    return length;
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
};

}  // namespace

std::vector<uint8_t> decode_lz4_block(std::span<const uint8_t> input, size_t output_size) {
  constexpr size_t shortest_match = 4;
  std::vector<uint8_t> output;
  output.reserve(output_size);
  const auto check_room = [&](size_t more) {
    if (more > output_size - output.size()) throw std::runtime_error("LZ4 block: overlong");
  };

  Reader reader(input);
  while (!reader.at_end()) {
    const uint8_t token = reader.byte();
    const size_t literals = reader.length(token >> 4);
    check_room(literals);
    for (size_t i = 0; i < literals; ++i) output.push_back(reader.byte());
    if (reader.at_end()) break;  // the last sequence has no match

    const size_t low = reader.byte();
    const size_t distance = low | size_t{reader.byte()} << 8;
    const size_t match = reader.length(token & 15) + shortest_match;
    if (distance == 0 || distance > output.size()) {
      throw std::runtime_error("LZ4 block: match before the start");
    }
    check_room(match);
    // Byte by byte: a match may overlap what it produces.
    for (size_t i = 0; i < match; ++i) output.push_back(output[output.size() - distance]);
  }
  if (output.size() != output_size) throw std::runtime_error("LZ4 block: wrong size");
  return output;
}

}  // namespace cuemu::runtime
