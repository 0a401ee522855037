// SPDX-License-Identifier: MIT
// The extension module foldconv._foldconv. The package's Python files load the CUDA runtime before it.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <string>

#include "array.hpp"
#include "foldconv/version.hpp"
#include "graph.hpp"
#include "kernels.hpp"
#include "network.hpp"
#include "plan.hpp"

NB_MODULE(_foldconv, module) {
  using namespace foldconv::python;
  module.def("_version", [] {
    const foldconv::Version version = foldconv::version();
    return std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
           std::to_string(version.patch);
  });
  module.def(
      "_warn_of_leaks", [](bool on) { nanobind::set_leak_warnings(on); }, nanobind::arg("on"));
  register_array(module);
  register_plan(module);
  register_graph(module);
  register_network(module);
  register_kernels(module);
}
