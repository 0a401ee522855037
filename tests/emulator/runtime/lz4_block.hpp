// SPDX-License-Identifier: MIT
// Decoder of the LZ4 block format (no frame), one of the two compressions that fatbinary uses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace cuemu::runtime {

// Throws std::runtime_error unless `input` decodes to exactly `output_size` bytes.
std::vector<uint8_t> decode_lz4_block(std::span<const uint8_t> input, size_t output_size);

}  // namespace cuemu::runtime
