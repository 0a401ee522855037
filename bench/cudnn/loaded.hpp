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

// Its function of this name. Throws Error (unsupported): it has none.
void* symbol(const char* name);
// The same with the type that its header gives it.
#define FOLDCONV_CUDNN(name) reinterpret_cast<decltype(&::name)>(::foldconv::cudnn::symbol(#name))

// Throws Error, cuDNN's own words behind what was tried; CUDNN_STATUS_NOT_SUPPORTED_*: unsupported.
void check(cudnnStatus_t status, const std::string& tried);

// That of the dtype, in whatever terms.
template <class Type>
Type of_dtype(DataType dtype, Type f16, Type bf16, Type f32) {
  return dtype == DataType::f16 ? f16 : dtype == DataType::bf16 ? bf16 : f32;
}

// The handle, for calls on the stream. Throws Error: it is null, of a GPU that is only described.
cudnnHandle_t set_stream(cudnnHandle_t handle, cudaStream_t stream);

// `handle` outlives the calls, and is null where nothing is to be run.
TensorCalls tensor_calls(cudnnHandle_t handle, DataType dtype, const Shape& shape,
                         const Activation& activation);

}  // namespace foldconv::cudnn
