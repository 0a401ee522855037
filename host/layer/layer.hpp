// SPDX-License-Identifier: MIT
// What the layers of a network that are no convolution have in common: a kernel, planned for a problem.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <utility>

#include "catalog/launch.hpp"
#include "foldconv/cost.hpp"
#include "foldconv/status.hpp"

namespace foldconv::host {

// Device pointers, multiples of kAlignmentBytes.
struct LayerBuffers {
  const void* x = nullptr;
  const void* z = nullptr;  // the second operand of plan_binary()
  void* y = nullptr;
};

// A planned launch of a kernel that is no convolution. Immutable, cheap to copy, thread-safe. Belongs to the device that
// was current when it was planned.
class Layer {
 public:
  struct Data;
  explicit Layer(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  // Launches one kernel for the first `images` of the planned n, with the bits that a plan for so many gives; what was
  // planned without a batch is computed whole. Pointers are not checked: the network's plan has made them. Errors:
  // invalid_argument (images), cuda_error.
  Status run(const LayerBuffers& buffers, int images, cudaStream_t stream) const;

  const char* kernel() const;        // name as in kernel_list()
  const LaunchCost& cost() const;    // for n images
  const LaunchShape& shape() const;  // for n images

 private:
  std::shared_ptr<const Data> data_;
};

}  // namespace foldconv::host
