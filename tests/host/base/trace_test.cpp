// SPDX-License-Identifier: MIT
// Profilers see a range for each run, by name; tests/trace/nvtx_recorder.cpp is the profiler.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "foldconv/foldconv.hpp"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/test_blocks.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

using Take = void(void (*receive)(void*, const char*), void* context);

class Trace : public testing::Test {
 protected:
  void SetUp() override {
    const char* recorder = std::getenv("NVTX_INJECTION64_PATH");
    if (recorder == nullptr) GTEST_SKIP() << "NVTX_INJECTION64_PATH names no recorder";
    library_ = dlopen(recorder, RTLD_NOW);
    ASSERT_NE(library_, nullptr) << dlerror();
    take_ = reinterpret_cast<Take*>(dlsym(library_, "nvtx_recorder_take"));
    ASSERT_NE(take_, nullptr) << dlerror();
    events();
  }
  void TearDown() override {
    if (library_ != nullptr) dlclose(library_);
  }

  std::vector<std::string> events() const {
    std::vector<std::string> events;
    take_(
        [](void* to, const char* event) {
          static_cast<std::vector<std::string>*>(to)->emplace_back(event);
        },
        &events);
    return events;
  }

 private:
  void* library_ = nullptr;
  Take* take_ = nullptr;
};

TEST_F(Trace, ARunOfAConvolutionIsARangeNamedByKernelAndProblem) {
  const TestConv test =
      make_conv(ConvProblem{.h = 5, .w = 6, .c = 64, .k = 64, .r = 3, .s = 3, .pad = {1, 1, 1, 1}},
                oracle::RawOptions{});
  const std::string kernel = first_conv_kernel(ConvLoader::load_rxs).name;
  run(test, {.kernel = kernel});
  EXPECT_EQ(events(),
            (std::vector<std::string>{"push foldconv: " + kernel + " 1x5x6x64 3x3 -> 1x5x6x64",
                                      "pop foldconv"}));
}

TEST_F(Trace, TheLaunchesOfABlockLieInItsRange) {
  const TestBlocks test({"block", 1, 5, 6, 64, 64, 64}, DataType::f16);
  const BlockPlan plan = test.plan(BlockCut::tails);
  test.run(plan);
  const auto& kernels = plan.explanation().cuts[1].launches;
  ASSERT_EQ(kernels.size(), 2u);
  EXPECT_EQ(events(),
            (std::vector<std::string>{
                "push foldconv: block tails 1x5x6x64 -> 1x5x6x64",
                "push foldconv: " + kernels[0].kernel + " 1x5x6x64 1x1 -> 1x5x6x64", "pop foldconv",
                "push foldconv: " + kernels[1].kernel, "pop foldconv", "pop foldconv"}));
}

TEST_F(Trace, ARefusedRunIsNoRange) {
  const TestBlocks test({"block", 1, 5, 6, 64, 64, 64}, DataType::f16);
  EXPECT_FALSE(test.plan(BlockCut::chain).run({}).ok());
  EXPECT_TRUE(events().empty());
}

}  // namespace
}  // namespace foldconv::kernel_tests
