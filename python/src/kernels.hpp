// SPDX-License-Identifier: MIT
// fold(), Conv and Bottleneck: convolutions and blocks without a network around them.
#pragma once

#include <nanobind/nanobind.h>

namespace foldconv::python {

void register_kernels(nanobind::module_& module);

}  // namespace foldconv::python
