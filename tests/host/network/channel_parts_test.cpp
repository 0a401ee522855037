// SPDX-License-Identifier: MIT
// Where parts of concatenations are to lie.
#include "network/channel_parts.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/internals.hpp"

namespace foldconv::host {
namespace {

struct Drawn {
  Graph graph;
  Value x = graph.input("x", {2, 16, 5, 7});

  Value conv(Value from, int k, int stride = 1) {
    const std::int64_t c = graph.extents(from)[1];
    return graph.conv(from, {.weights = Constant(
                                 {k, c, 1, 1}, std::vector<float>(static_cast<std::size_t>(k * c))),
                             .stride = {stride, stride}});
  }
  Value concat(const std::vector<Value>& parts) { return graph.concat(parts, 1); }
  Value slice(Value from, int begin, int end, int step = 1) {
    return graph.slice(from, 1, begin, end, step);
  }

  ChannelParts parts(int alignment = 8) const {
    EXPECT_TRUE(graph.status().ok()) << graph.status().message();
    return ChannelParts(
        Internals::data(graph), [&](int value) { return graph.extents({value}); }, alignment);
  }
};

// "concatenation + channel", or "-".
std::string home(const ChannelParts& parts, Value value) {
  const auto found = parts.home_of(value.id);
  if (!found) return "-";
  const int buffer = parts.buffers()[static_cast<std::size_t>(found->buffer)].value;
  return std::to_string(buffer) + "+" + std::to_string(found->offset);
}
std::string in(Value concat, int channel) {
  return std::to_string(concat.id) + "+" + std::to_string(channel);
}

TEST(ChannelParts, OfOneConcatenation) {
  Drawn d;
  const Value a = d.conv(d.x, 24), b = d.conv(d.x, 8);
  const Value y = d.concat({a, d.x, b});
  const ChannelParts parts = d.parts();
  EXPECT_EQ(home(parts, a), in(y, 0));
  EXPECT_EQ(home(parts, d.x), "-");
  EXPECT_EQ(home(parts, b), in(y, 40));
  EXPECT_EQ(home(parts, y), in(y, 0));
  ASSERT_EQ(parts.buffers().size(), 1u);
  EXPECT_EQ(parts.buffers()[0].parts.size(), 3u);
}

TEST(ChannelParts, GrowingConcatenationsAreTheLongestOne) {
  for (const bool nested : {true, false}) {
    Drawn d;
    std::vector<Value> all = {d.conv(d.x, 16)}, grown;
    Value y = all[0];
    for (int i = 0; i < 4; ++i) {
      all.push_back(d.conv(y, 8));
      y = d.concat(nested ? std::vector{y, all.back()} : all);
      grown.push_back(y);
    }
    const ChannelParts parts = d.parts();
    ASSERT_EQ(parts.buffers().size(), 1u);
    EXPECT_EQ(parts.buffers()[0].parts.size(), 5u);
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(home(parts, all[static_cast<std::size_t>(i)]), in(y, i == 0 ? 0 : 8 + 8 * i));
    for (const Value each : grown) EXPECT_EQ(home(parts, each), in(y, 0));
  }
}

TEST(ChannelParts, EachBlockHasItsOwn) {
  Drawn d;
  Value y = d.x;
  std::vector<Value> longest, inner;
  for (int block = 0; block < 3; ++block) {
    y = d.conv(y, 16 + 8 * block);
    for (int i = 0; i < 3; ++i) {
      y = d.concat({y, d.conv(y, 8)});
      if (i < 2) inner.push_back(y);
    }
    longest.push_back(y);
  }
  const ChannelParts parts = d.parts();
  EXPECT_EQ(parts.buffers().size(), 3u);
  for (std::size_t i = 0; i < inner.size(); ++i)
    EXPECT_EQ(home(parts, inner[i]), in(longest[i / 2], 0));
}

TEST(ChannelParts, InTheMiddleOfALongerOne) {
  Drawn d;
  const Value a = d.conv(d.x, 8), b = d.conv(d.x, 16), c = d.conv(d.x, 24);
  const Value bc = d.concat({b, c}), ca = d.concat({c, a}), y = d.concat({a, b, c});
  const ChannelParts parts = d.parts();
  EXPECT_EQ(home(parts, bc), in(y, 8));
  EXPECT_EQ(home(parts, ca), in(ca, 0));
  EXPECT_EQ(home(parts, a), in(y, 0));
  EXPECT_EQ(home(parts, c), in(y, 24));
}

TEST(ChannelParts, OfEqualOnesTheLastHoldsAll) {
  Drawn d;
  const Value a = d.conv(d.x, 8), b = d.conv(d.x, 16);
  const Value first = d.concat({a, b}), last = d.concat({a, b});
  const ChannelParts parts = d.parts();
  EXPECT_EQ(home(parts, first), in(last, 0));
  EXPECT_EQ(parts.buffers().size(), 1u);
}

// All slices of one tensor, side by side, are that tensor.
TEST(ChannelParts, SlicesAreWhatTheyAreOf) {
  Drawn d;
  const Value a = d.conv(d.x, 32), left = d.slice(a, 0, 16), right = d.slice(a, 16, 32);
  const Value b = d.conv(right, 16);
  const Value y = d.concat({left, right, b}), swapped = d.concat({right, left, b});
  const Value of_concat = d.concat({d.slice(y, 8, 48), d.x});
  const ChannelParts parts = d.parts();
  EXPECT_EQ(home(parts, a), in(y, 0));
  EXPECT_EQ(home(parts, b), in(of_concat, 24));  // the widest comes first
  EXPECT_EQ(home(parts, swapped), in(swapped, 0));
  EXPECT_EQ(home(parts, left), "-");
  const auto& buffer = parts.buffers()[0];
  ASSERT_EQ(buffer.value, of_concat.id);
  ASSERT_EQ(buffer.parts.size(), 3u);
  EXPECT_EQ(buffer.parts[0].from, (ChannelRange{a.id, 8, 24}));
  EXPECT_EQ(buffer.parts[1].from, (ChannelRange{b.id, 0, 16}));
  EXPECT_EQ(buffer.parts[2].from, (ChannelRange{d.x.id, 0, 16}));
  // Every second channel is another tensor.
  Drawn e;
  const Value second = e.slice(e.x, 0, 16, 2), wide = e.concat({e.x, second});
  EXPECT_EQ(home(e.parts(), second), in(wide, 16));
}

TEST(ChannelParts, BeginAtWholePieces) {
  Drawn d;
  const Value a = d.conv(d.x, 12), b = d.conv(d.x, 20), c = d.conv(d.x, 8);
  const Value ab = d.concat({a, b}), y = d.concat({c, a, b}), odd = d.concat({a, c, d.x, ab});
  const ChannelParts by_8 = d.parts(8);
  EXPECT_EQ(home(by_8, b), "-");       // 20 and 12 channels before it
  EXPECT_EQ(home(by_8, a), in(y, 8));  // 56 channels: odd has no pitch of whole pieces
  EXPECT_EQ(home(by_8, ab), in(y, 8));
  EXPECT_EQ(home(by_8, odd), "-");
  const ChannelParts by_4 = d.parts(4);
  EXPECT_EQ(home(by_4, b), in(odd, 48));
}

// Only along channels of images, only what has a kernel that writes there.
TEST(ChannelParts, OthersHaveNone) {
  Drawn d;
  const Value a = d.conv(d.x, 16), b = d.conv(d.x, 16);
  d.graph.concat({a, b}, 2);
  const Value flat = d.graph.input("flat", {2, 16});
  d.graph.concat({flat, flat}, 1);
  const Value constant = d.graph.constant(Constant({2, 8, 5, 7}, std::vector<float>(560)));
  const Value y = d.concat({constant, d.x});
  const ChannelParts parts = d.parts();
  EXPECT_EQ(parts.buffers().size(), 1u);
  for (const Value value : {a, b, flat, constant, d.x}) EXPECT_EQ(home(parts, value), "-");
  EXPECT_EQ(home(parts, y), in(y, 0));
}

// A part twice: the second is a copy. And no end of doublings.
TEST(ChannelParts, APartTwice) {
  Drawn d;
  const Value a = d.conv(d.x, 8);
  Value y = d.concat({a, a});
  EXPECT_EQ(home(d.parts(), a), in(y, 0));
  for (int i = 0; i < 30; ++i) y = d.concat({y, y});
  EXPECT_NE(home(d.parts(), a), "-");
}

}  // namespace
}  // namespace foldconv::host
