// SPDX-License-Identifier: MIT
// From bytes to the messages of an ONNX file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "foldconv/status.hpp"
#include "onnx/wire/messages.hpp"

namespace foldconv::onnx::wire {

// The most of everything that is read: a damaged file must not fill the memory. The largest networks
// of vision have some thousand nodes.
inline constexpr int kMostDepth = 8;  // of graphs within graphs
inline constexpr std::int64_t kMostNodes = 100'000;
inline constexpr std::int64_t kMostTensors = 100'000;
inline constexpr std::int64_t kMostParts = 4'000'000;  // attributes, names, dimensions, ...

// Views into `bytes`. Fields that are not known are skipped. Errors (invalid_argument, unsupported):
// bytes that are no protobuf, with the offset, more than the most of something, no graph in it.
Result<ModelProto> parse(std::span<const std::byte> bytes);

// The numbers of a field. Errors: see parse().
Result<std::vector<std::int64_t>> varints(const Numbers& numbers);
// Those of `size` bytes each, one behind the other; `owned` holds them where the field has several
// runs.
Result<std::string_view> fixed(const Numbers& numbers, std::size_t size, std::vector<char>& owned);

}  // namespace foldconv::onnx::wire
