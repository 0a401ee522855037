// SPDX-License-Identifier: MIT
// Values that a caller may have cast into an enum.
#pragma once

#include "foldconv/activation.hpp"
#include "foldconv/status.hpp"
#include "foldconv/tensor.hpp"

namespace foldconv::host {

Status check_data_type(DataType dtype);

// Also the parameters that the kind reads.
Status check_activation(const Activation& activation);

}  // namespace foldconv::host
