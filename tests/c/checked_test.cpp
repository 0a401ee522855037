// SPDX-License-Identifier: MIT
// Checked runs, by foldconv.h.
#include <cuda_runtime_api.h>

#include <vector>

#include "c/run.hpp"
#include "c/small_network.hpp"
#include "cuemu.h"

namespace foldconv::c_tests {
namespace {

// As they were again behind it.
struct Checked {
  Checked() { fc_check_runs(1); }
  ~Checked() { fc_check_runs(before); }
  const std::int32_t before = fc_runs_are_checked();
};

TEST(CChecked, MayBeSaidAndAsked) {
  const Checked checked;
  EXPECT_EQ(fc_runs_are_checked(), 1);
  fc_check_runs(0);
  EXPECT_EQ(fc_runs_are_checked(), 0);
  fc_check_runs(-7);
  EXPECT_EQ(fc_runs_are_checked(), 1);
}

TEST(CChecked, RunsRefuseWhatKernelsDoNotReach) {
  if (cuemu_present() == 0) GTEST_SKIP() << "a GPU may read the host's memory";
  const Checked checked;
  const OwnedNetwork network = small_network(FC_TYPE_F16);
  const OwnedPlan plan = made<OwnedPlan>([&](fc_plan** object, fc_error* error) {
    const fc_plan_options options = small_shape();
    return fc_network_plan(network.get(), &options, object, error);
  });
  const harness::Bytes images = random_images();
  const Memory memory(plan.get(), images);
  fc_buffers buffers = memory.buffers();
  fc_error error = untouched();
  EXPECT_EQ(fc_plan_run(plan.get(), &buffers, nullptr, &error), FC_OK) << error.message;
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);

  std::vector<std::max_align_t> on_host(images.size() / sizeof(std::max_align_t) + 1);
  const void* const inputs[] = {on_host.data()};
  buffers.inputs = inputs;
  EXPECT_TRUE(fails_with([&](fc_error* e) { return fc_plan_run(plan.get(), &buffers, nullptr, e); },
                         FC_INVALID_ARGUMENT, {"image is memory of the host", "cudaMalloc()"}));
  fc_cuda_graph* graph = nullptr;
  EXPECT_TRUE(
      fails_with([&](fc_error* e) { return fc_plan_capture(plan.get(), &buffers, &graph, e); },
                 FC_INVALID_ARGUMENT, {"image is memory of the host"}));
  EXPECT_EQ(graph, nullptr);
}

}  // namespace
}  // namespace foldconv::c_tests
