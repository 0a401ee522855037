// SPDX-License-Identifier: MIT
#include "network/channel_parts.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "base/text.hpp"
#include "graph/extent_table.hpp"

namespace foldconv::host {
namespace {

using Ranges = std::vector<ChannelRange>;

// Of concatenations of themselves there is no end.
constexpr std::size_t kMostRanges = 4096;

// What can write its result with a pitch.
template <class... Ops>
bool is_one_of(const Operation& operation) {
  return (std::holds_alternative<Ops>(operation) || ...);
}
bool writes_parts(const Operation& operation) {
  return is_one_of<op::Conv, op::BatchNorm, op::Activate, op::Binary, op::Pool, op::GlobalPool,
                   op::Lrn, op::ResizeNearest, op::Slice, op::Pad, op::Stage, op::Stem>(operation);
}

void append_channels(Ranges& ranges, const ChannelRange& next) {
  if (next.count == 0) return;
  if (!ranges.empty() && ranges.back().value == next.value &&
      ranges.back().begin + ranges.back().count == next.begin) {
    ranges.back().count += next.count;
  } else {
    ranges.push_back(next);
  }
}

class Search {
 public:
  Search(const GraphData& graph, const std::function<Extents(int)>& extents, int alignment)
      : graph_(graph), alignment_(alignment) {
    for (std::size_t i = 0; i < graph.values.size(); ++i) {
      const bool live = graph.values[i].node >= 0;
      extents_.push_back(live ? extents(static_cast<int>(i)) : Extents());
    }
    for (const GraphNode& node : graph.nodes) take(node);
    // The largest first; of equal ones the last, of which the others are parts.
    std::ranges::stable_sort(concats_, [&](int a, int b) { return channels(a) > channels(b); });
  }

  void fill(std::vector<ConcatBuffer>& buffers,
            std::vector<std::optional<ChannelParts::Home>>& homes) {
    homes.resize(graph_.values.size());
    std::map<std::pair<int, std::int64_t>, std::vector<int>>
        beginning;  // concatenations, by their first channel
    for (const int concat : concats_) {
      const ChannelRange& first = ranges_.at(concat).front();
      beginning[{first.value, first.begin}].push_back(concat);
    }
    const auto home = [&](int value) -> auto& {
      return homes[static_cast<std::size_t>(value)];
    };
    for (const int concat : concats_) {
      if (home(concat)) continue;
      const int index = static_cast<int>(buffers.size());
      ConcatBuffer& buffer = buffers.emplace_back(ConcatBuffer{concat, {}});
      home(concat) = {index, 0};
      const Ranges& ranges = ranges_.at(concat);
      std::int64_t offset = 0;
      for (std::size_t i = 0; i < ranges.size(); ++i) {
        const ChannelRange& range = ranges[i];
        buffer.parts.push_back({range, offset});
        if (offset % alignment_ == 0) {
          if (!home(range.value) && can_lie_in(range, concat)) home(range.value) = {index, offset};
          for (const int other : beginning[{range.value, range.begin}]) {
            if (!home(other) && found_at(ranges_.at(other), ranges, i))
              home(other) = {index, offset};
          }
        }
        offset += range.count;
      }
    }
  }

 private:
  const Extents& extents(int value) const { return extents_[static_cast<std::size_t>(value)]; }
  std::int64_t channels(int value) const { return extents(value)[1]; }

  Ranges ranges_of(int value) const {
    const auto found = ranges_.find(value);
    return found != ranges_.end() ? found->second : Ranges{{value, 0, channels(value)}};
  }

  void take(const GraphNode& node) {
    if (extents(node.output).size() != 4) return;
    if (as<op::Identity>(node)) {
      ranges_[node.output] = ranges_of(node.inputs[0]);
    } else if (const auto* slice = as<op::Slice>(node);
               slice && slice->axis == 1 && slice->step == 1) {
      const int x = node.inputs[0];
      const SliceRange range = slice_range(channels(x), slice->begin, slice->end, 1);
      Ranges part;
      std::int64_t at = 0;  // of x's channels
      for (const ChannelRange& from : ranges_of(x)) {
        const std::int64_t begin = std::max(at, range.begin);
        const std::int64_t end = std::min(at + from.count, range.begin + range.count);
        if (begin < end) append_channels(part, {from.value, from.begin + begin - at, end - begin});
        at += from.count;
      }
      ranges_[node.output] = std::move(part);
    } else if (const auto* concat = as<op::Concat>(node); concat && concat->axis == 1) {
      Ranges all;
      for (const int input : node.inputs) {
        for (const ChannelRange& range : ranges_of(input)) append_channels(all, range);
        if (all.size() > kMostRanges) return;
      }
      if (all.empty()) return;
      ranges_[node.output] = std::move(all);
      const std::int64_t pitch = channels(node.output);
      if (pitch % alignment_ == 0 && pitch <= std::numeric_limits<int>::max())
        concats_.insert(concats_.begin(), node.output);
    }
  }

  // Whether what makes the range, which is a tensor whole, can write it into the concatenation.
  bool can_lie_in(const ChannelRange& range, int concat) const {
    Extents whole = extents(range.value);
    if (range.begin != 0 || range.count != whole[1]) return false;
    const auto node =
        static_cast<std::size_t>(graph_.values[static_cast<std::size_t>(range.value)].node);
    whole[1] = channels(concat);
    return whole == extents(concat) && writes_parts(graph_.nodes[node].operation);
  }

  static bool found_at(const Ranges& some, const Ranges& in, std::size_t at) {
    return some.size() <= in.size() - at &&
           std::equal(some.begin(), some.end(), in.begin() + static_cast<std::ptrdiff_t>(at));
  }

  const GraphData& graph_;
  const int alignment_;
  std::vector<Extents> extents_;
  std::map<int, Ranges> ranges_;  // of identities, slices and concatenations of channels
  std::vector<int> concats_;
};

}  // namespace

ChannelParts::ChannelParts(const GraphData& graph, const std::function<Extents(int)>& extents,
                           int alignment) {
  Search(graph, extents, alignment).fill(buffers_, homes_);
}

std::string ChannelParts::why_copied(const GraphData& graph, const ConcatBuffer::Part& part,
                                     std::int64_t channels, int alignment) {
  const auto node =
      static_cast<std::size_t>(graph.values[static_cast<std::size_t>(part.from.value)].node);
  const Operation& operation = graph.nodes[node].operation;
  if (part.from.count != channels) return "a slice of a tensor that lies elsewhere";
  if (part.offset % alignment != 0)
    return text("it begins at channel ", part.offset, ", no multiple of ", alignment);
  if (!writes_parts(operation))
    return text("of operation ", to_string(operation),
                ", which does not write into parts of tensors");
  return "it lies elsewhere already, or in another order";
}

}  // namespace foldconv::host
