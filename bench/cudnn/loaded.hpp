// SPDX-License-Identifier: MIT
// cuDNN's library, loaded when it is first asked for.
#pragma once

#include <cudnn.h>

#include <string>

#include "cudnn/engines.hpp"

namespace foldconv::cudnn {

// The handle of dlopen(). Looked for where the loader looks (LD_LIBRARY_PATH, ldconfig), in the active
// conda or virtual environment, and where python3 finds the package nvidia.cudnn. Throws Error
// (unsupported): it is in none of these.
void* library();

cudnnDataType_t data_type(DataType dtype);

// Throws Error, cuDNN's own words behind what was tried; CUDNN_STATUS_NOT_SUPPORTED_*: unsupported.
void check(cudnnStatus_t status, const std::string& tried);

// `handle` outlives the calls, and is null where nothing is to be run.
TensorCalls tensor_calls(cudnnHandle_t handle, DataType dtype, const Shape& shape,
                         const Activation& activation);

}  // namespace foldconv::cudnn
