// SPDX-License-Identifier: MIT
// foldconv.Network, and how one is loaded.
#pragma once

#include <nanobind/nanobind.h>

namespace foldconv::python {

void register_network(nanobind::module_& module);

}  // namespace foldconv::python
