// SPDX-License-Identifier: MIT
// The extension module foldconv._foldconv. The package's Python files load the CUDA runtime before it.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <string>

#include "array.hpp"
#include "foldconv/checked_runs.hpp"
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
  module.def(
      "check_runs", foldconv::check_runs, nanobind::arg("checked") = true,
      "From now on each call of a plan, and of a captured Graph, asks CUDA for its pointers before "
      "it\n"
      "launches. Memory that was freed, is too short or of another device, or weights that\n"
      "cudaDeviceReset() has freed, are InvalidArgument, not a fault of some later call. Costs "
      "some\n"
      "microseconds for each pointer and layer. Without a call, FOLDCONV_CHECK_RUNS=1 in the\n"
      "environment says so.");
  module.def("runs_are_checked", foldconv::runs_are_checked, "Whether calls are checked.");
  register_array(module);
  register_plan(module);
  register_graph(module);
  register_network(module);
  register_kernels(module);
}
