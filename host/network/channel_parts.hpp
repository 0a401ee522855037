// SPDX-License-Identifier: MIT
// Which tensors can lie in parts of the channels of others, so that concatenations of images need no copy: looked for
// before anything has a place.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "graph/graph_data.hpp"

namespace foldconv::host {

// Channels of a tensor n, c, h, w that is made by something else than a concatenation or a slice of channels.
struct ChannelRange {
  int value;
  std::int64_t begin, count;
  friend bool operator==(const ChannelRange&, const ChannelRange&) = default;
};

// A concatenation that has memory of its own, in which others may lie.
struct ConcatBuffer {
  struct Part {
    ChannelRange from;
    std::int64_t offset;  // in the buffer's channels
  };
  int value;                // the concatenation
  std::vector<Part> parts;  // side by side
};

class ChannelParts {
 public:
  struct Home {
    int buffer;
    std::int64_t offset;  // in its channels
  };

  ChannelParts() = default;
  // `extents` of a value; a part begins at a multiple of `alignment` channels.
  ChannelParts(const GraphData& graph, const std::function<Extents(int)>& extents, int alignment);

  const std::vector<ConcatBuffer>& buffers() const { return buffers_; }
  // Where a value is to lie: a concatenation, or what makes a part of one and can write it there. Of concatenations of
  // the same tensors that of a longer one is a part, and has no memory of its own.
  std::optional<Home> home_of(int value) const {
    return homes_.empty() ? std::nullopt : homes_[static_cast<std::size_t>(value)];
  }
  // Why a part of a buffer has to be copied into it.
  static std::string why_copied(const GraphData& graph, const ConcatBuffer::Part& part,
                                std::int64_t channels, int alignment);

 private:
  std::vector<ConcatBuffer> buffers_;
  std::vector<std::optional<Home>> homes_;  // of each value
};

}  // namespace foldconv::host
