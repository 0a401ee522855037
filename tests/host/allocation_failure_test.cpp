// SPDX-License-Identifier: MIT
// No exception crosses the API: every allocation of a call is made to fail, one after the other.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "conv/arguments.hpp"
#include "fold/pack.hpp"
#include "foldconv/foldconv.hpp"
#include "host/small_blocks.hpp"

namespace {

thread_local int allocations_left = -1;  // below 0: no limit

}  // namespace

// Not inlined: the compiler would take a malloc()ed pointer in one place and delete in another for
// a mistake.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
// std::stable_sort asks for its buffer like this.
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  if (allocations_left == 0) return nullptr;
  if (allocations_left > 0) --allocations_left;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace foldconv {
namespace {

// Calls `body` with 0, 1, 2, ... allocations granted until it no longer runs out of memory, and
// returns the code that it then gives.
template <class Body>
ErrorCode first_other_code(Body body) {
  for (int granted = 0; granted < 20'000; ++granted) {
    allocations_left = granted;
    const ErrorCode code = body();
    allocations_left = -1;
    if (code != ErrorCode::out_of_memory) {
      EXPECT_GT(granted, 0) << "the call allocates nothing: it tests nothing";
      return code;
    }
  }
  ADD_FAILURE() << "out of memory forever";
  return ErrorCode::out_of_memory;
}

TEST(AllocationFailure, Fold) {
  const std::vector<float> values(200, 0.1f), ones(100, 1.0f), zeros(100, 0.0f);
  const ConvWeights weights = {.values = values, .k = 100, .c_per_group = 2};
  EXPECT_EQ(
      first_other_code([&] {
        return fold(
                   weights,
                   BatchNorm{.gamma = zeros, .mean = zeros, .variance = ones, .eps = Epsilon(1e-5)})
            .status()
            .code();
      }),
      ErrorCode::ok);
  EXPECT_EQ(first_other_code([&] {
              return fold(weights, BatchNorm{.mean = zeros, .variance = zeros, .eps = Epsilon(0)})
                  .status()
                  .code();
            }),
            ErrorCode::invalid_argument);
}

TEST(AllocationFailure, MessagesOfErrors) {
  EXPECT_EQ(first_other_code([] { return validate({.n = 0}).code(); }),
            ErrorCode::invalid_argument);
  EXPECT_EQ(first_other_code([] { return parse_activation("abc").status().code(); }),
            ErrorCode::invalid_argument);
  EXPECT_EQ(first_other_code([] { return parse_data_type("abc").status().code(); }),
            ErrorCode::invalid_argument);
  EXPECT_EQ(first_other_code([] {
              return pointwise::add(DataType::f16, {1, 1, 1, 1}, nullptr, nullptr, nullptr).code();
            }),
            ErrorCode::invalid_argument);
}

TEST(AllocationFailure, Blocks) {
  const test::SmallBlocks blocks;
  BottleneckWeights narrow = blocks.bottleneck();
  narrow.conv1 = blocks.layer(32, 64, 1);
  narrow.conv2 = blocks.layer(32, 32, 3);
  narrow.conv3 = blocks.layer(64, 32, 1);
  narrow.downsample = blocks.layer(64, 64, 1);
  const Block bottleneck = *Block::create(narrow), basic = *Block::create(blocks.basic());
  const Stage stage = *Stage::create({bottleneck, basic});
  const auto code_of = [](const auto& call) {
    (void)call();  // what the CUDA runtime allocates at its first calls is not the library's affair
    return first_other_code([&] { return call().status().code(); });
  };
  EXPECT_EQ(code_of([&] { return Block::create(narrow); }), ErrorCode::ok);
  EXPECT_EQ(code_of([&] { return Block::create(blocks.basic()); }), ErrorCode::ok);
  EXPECT_EQ(code_of([&] { return basic.plan({1, 4, 4}); }), ErrorCode::ok);
  EXPECT_EQ(code_of([&] { return bottleneck.plan({1, 4, 4}); }), ErrorCode::ok);
  EXPECT_EQ(code_of([&] { return stage.plan({1, 4, 4}); }), ErrorCode::ok);
  EXPECT_EQ(code_of([&] {
              return basic.plan({1, 4, 4}, {.cut = BlockCut::whole});
            }),
            ErrorCode::unsupported);
}

TEST(AllocationFailure, TextIsEmptyInstead) {
  const ConvProblem problem = {.h = 100, .w = 100, .c = 64, .k = 64};
  allocations_left = 0;
  const bool empty = to_string(problem).empty() && Explanation().to_string().empty();
  allocations_left = -1;
  EXPECT_TRUE(empty);
}

}  // namespace
}  // namespace foldconv
