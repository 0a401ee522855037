// SPDX-License-Identifier: MIT
#include "work.hpp"

#include <nanobind/stl/string.h>

#include "error.hpp"

namespace nb = nanobind;

namespace foldconv::python {

Result<CudaGraph> Work::capture(const NetworkBuffers&) const {
  return failure(ErrorCode::unsupported, "a plan of a convolution or a block is not captured",
                 "capture()", "make a network of it, or capture the stream's work in C++");
}

Result<KeptTensor> Work::tensor(const std::string& name) const {
  return failure(ErrorCode::unsupported, "a plan of a convolution or a block keeps no tensor",
                 "tensor(\"" + name + "\")", "plan a network, with keep=");
}

nb::object plan_explanation(const std::string& text, nb::list steps, const std::string& device,
                            std::size_t workspace_bytes) {
  return nb::module_::import_("foldconv._explain")
      .attr("PlanExplanation")(text, steps, device, workspace_bytes);
}

nb::object step(const std::string& tensor, const std::string& operation,
                const std::vector<LaunchFigures>& launches) {
  const nb::module_ explain = nb::module_::import_("foldconv._explain");
  const nb::object launch = explain.attr("Launch");
  nb::list all;
  for (const LaunchFigures& figures : launches) {
    all.append(launch(figures.kernel, figures.dram_bytes, figures.flops, figures.floor_us,
                      to_string(figures.limit)));
  }
  return explain.attr("Step")(tensor, operation, all);
}

}  // namespace foldconv::python
