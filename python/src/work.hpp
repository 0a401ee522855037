// SPDX-License-Identifier: MIT
// What a plan in Python runs: a network's plan, a convolution's or a block's, behind one interface.
#pragma once

#include <cuda_runtime_api.h>
#include <nanobind/nanobind.h>

#include <string>
#include <vector>

#include "element.hpp"
#include "foldconv/network.hpp"

namespace foldconv::python {

// An array that goes in or comes out.
struct Port {
  std::string name = {};
  Extents shape = {};  // of all the plan's images
  const Element* element = &kF32;
  bool batched = true;         // its first extent may be fewer images
  bool channels_last = false;  // n, h, w, c: also taken as n, c, h, w with these strides
};

class Work {
 public:
  Work() = default;
  virtual ~Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  // Without the GIL.
  virtual Status run(const NetworkBuffers& buffers, cudaStream_t stream) const = 0;
  virtual std::size_t workspace_bytes() const = 0;
  // Of networks; else unsupported.
  virtual Result<CudaGraph> capture(const NetworkBuffers& buffers) const;
  virtual Result<KeptTensor> tensor(const std::string& name) const;
  // A foldconv.PlanExplanation.
  virtual nanobind::object explain() const = 0;

  std::vector<Port> inputs, outputs;
  int images = 1;
  int device = 0;
};

// The object that explain() returns; `steps` is a list of what step() makes.
nanobind::object plan_explanation(const std::string& text, nanobind::list steps,
                                  const std::string& device, std::size_t workspace_bytes);
nanobind::object step(const std::string& tensor, const std::string& operation,
                      const std::vector<LaunchFigures>& launches);

}  // namespace foldconv::python
