// SPDX-License-Identifier: MIT
// The extension module foldconv._foldconv. The package's Python files load the CUDA runtime before it.
#include <nanobind/nanobind.h>

#include "array.hpp"
#include "foldconv/version.hpp"
#include "graph.hpp"
#include "kernels.hpp"
#include "network.hpp"
#include "plan.hpp"

NB_MODULE(_foldconv, module) {
  using namespace foldconv::python;
  module.attr("__version__") = FOLDCONV_VERSION_TEXT;
  register_array(module);
  register_plan(module);
  register_graph(module);
  register_network(module);
  register_kernels(module);
}
