// SPDX-License-Identifier: MIT
#include "catalog/tensor_maps.hpp"

#include <cuda_runtime_api.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv::host {
namespace {

constexpr unsigned int kFirstCudaVersion = 12000;  // that has tensor maps

template <class Function>
Status find_driver_function(const char* name, Function& function) {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
  const cudaError_t code =
      cudaGetDriverEntryPointByVersion(name, &found, kFirstCudaVersion, cudaEnableDefault, &result);
  if (code != cudaSuccess) return cuda_failure(code, "cudaGetDriverEntryPointByVersion");
  if (result != cudaDriverEntryPointSuccess || found == nullptr) {
    return error(ErrorCode::unsupported, "the driver has no tensor maps", name,
                 "use a driver of CUDA 12 or later, or Instructions::sm80");
  }
  function = reinterpret_cast<Function>(found);
  return {};
}

Status driver_failure(CUresult code, const char* call, const char* what) {
  if (code == CUDA_SUCCESS) return {};
  return error(ErrorCode::cuda_error, text(call, " failed for ", what),
               text("CUresult ", static_cast<int>(code)), "use Instructions::sm80");
}

}  // namespace

Result<TensorMapCalls> TensorMapCalls::load() {
  TensorMapCalls calls;
  if (Status status = find_driver_function("cuTensorMapEncodeTiled", calls.encode_tiled);
      !status.ok())
    return status;
  if (Status status = find_driver_function("cuTensorMapEncodeIm2col", calls.encode_im2col);
      !status.ok())
    return status;
  if (Status status = find_driver_function("cuTensorMapReplaceAddress", calls.replace_address);
      !status.ok())
    return status;
  return calls;
}

Status TensorMapCalls::encode(const TensorMapSpec& spec, const void* address, const char* what,
                              CUtensorMap& map) const {
  const CUtensorMapDataType type = spec.dtype == DataType::bf16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16
                                                                : CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  void* const begin = const_cast<void*>(address);
  // What neighbouring tiles read lies side by side.
  constexpr auto kPromotion = CU_TENSOR_MAP_L2_PROMOTION_L2_128B;
  if (spec.im2col) {
    return driver_failure(
        encode_im2col(&map, type, spec.rank, begin, spec.dims.data(), spec.strides.data(),
                      spec.lower.data(), spec.upper.data(), spec.channels, spec.pixels,
                      spec.element_strides.data(), CU_TENSOR_MAP_INTERLEAVE_NONE, spec.swizzle,
                      kPromotion, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
        "cuTensorMapEncodeIm2col", what);
  }
  return driver_failure(
      encode_tiled(&map, type, spec.rank, begin, spec.dims.data(), spec.strides.data(),
                   spec.box.data(), spec.element_strides.data(), CU_TENSOR_MAP_INTERLEAVE_NONE,
                   spec.swizzle, kPromotion, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
      "cuTensorMapEncodeTiled", what);
}

Status TensorMapCalls::set_address(CUtensorMap& map, const void* address) const {
  return driver_failure(replace_address(&map, const_cast<void*>(address)),
                        "cuTensorMapReplaceAddress", "a tensor of the run");
}

}  // namespace foldconv::host
