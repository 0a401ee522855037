// SPDX-License-Identifier: MIT
#include "measure/cublaslt.hpp"

#ifdef FOLDCONV_TOOL_HAS_CUBLASLT

#include "harness/device/library.hpp"

namespace foldconv::tool {

CublasLt::CublasLt(const char* file) {
  const harness::Library library(file);
  library.find("cublasLtCreate", create);
  library.find("cublasLtDestroy", destroy);
  library.find("cublasLtGetStatusName", status_name);
  library.find("cublasLtMatmulDescCreate", create_operation);
  library.find("cublasLtMatmulDescDestroy", destroy_operation);
  library.find("cublasLtMatmulDescSetAttribute", set_operation);
  library.find("cublasLtMatrixLayoutCreate", create_layout);
  library.find("cublasLtMatrixLayoutDestroy", destroy_layout);
  library.find("cublasLtMatmulPreferenceCreate", create_preference);
  library.find("cublasLtMatmulPreferenceDestroy", destroy_preference);
  library.find("cublasLtMatmulPreferenceSetAttribute", set_preference);
  library.find("cublasLtMatmulAlgoGetHeuristic", propose);
  library.find("cublasLtMatmul", multiply);
}

void CublasLt::check(cublasStatus_t code, const char* tried) const {
  if (code == CUBLAS_STATUS_SUCCESS) return;
  throw harness::Error(ErrorCode::cuda_error, std::string(tried) + " failed: " + status_name(code));
}

}  // namespace foldconv::tool

#endif
