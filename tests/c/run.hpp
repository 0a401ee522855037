// SPDX-License-Identifier: MIT
// Memory of one run of an fc_plan with one input and one output.
#pragma once

#include <cstdint>

#include "c/owned.hpp"
#include "harness/device/buffer.hpp"

namespace foldconv::c_tests {

class Memory {
 public:
  Memory(const fc_plan* plan, const harness::Bytes& input)
      : input_(input, harness::Guards::shifted),
        output_(port_bytes(plan), harness::Guards::shifted),
        workspace_(fc_plan_workspace_bytes(plan), harness::Guards::shifted) {}

  // The lists are this object's.
  fc_buffers buffers(std::int32_t images = 0) const {
    return {.size = sizeof(fc_buffers),
            .inputs = inputs_,
            .input_count = 1,
            .outputs = outputs_,
            .output_count = 1,
            .workspace = workspace_.data(),
            .workspace_bytes = workspace_.bytes(),
            .images = images,
            .reserved = 0};
  }
  // Once the device is done.
  harness::Bytes output() const {
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_TRUE(input_.intact() && output_.intact() && workspace_.intact());
    return output_.download();
  }
  harness::Bytes workspace() const { return workspace_.download(); }
  void poison() const { output_.poison(), workspace_.poison(); }

 private:
  static std::size_t port_bytes(const fc_plan* plan) {
    fc_port port = {};
    port.size = sizeof port;
    EXPECT_EQ(fc_plan_output(plan, 0, &port, nullptr), FC_OK);
    return port.bytes;
  }

  harness::DeviceBuffer input_, output_, workspace_;
  const void* inputs_[1] = {input_.data()};
  void* outputs_[1] = {output_.data()};
};

}  // namespace foldconv::c_tests
