#include "measure/cublaslt.hpp"

#ifdef FOLDCONV_TOOL_HAS_CUBLASLT

namespace foldconv::tool {

Result<CublasLt> CublasLt::load(const char* library) {
  const Result<Library> loaded = Library::load(library);
  if (!loaded) return loaded.status();
  CublasLt lt;
  Status status;
  const auto find = [&](const char* name, auto*& function) {
    if (status) status = loaded->find(name, function);
  };
  find("cublasLtCreate", lt.create);
  find("cublasLtDestroy", lt.destroy);
  find("cublasLtGetStatusName", lt.status_name);
  find("cublasLtMatmulDescCreate", lt.create_operation);
  find("cublasLtMatmulDescDestroy", lt.destroy_operation);
  find("cublasLtMatmulDescSetAttribute", lt.set_operation);
  find("cublasLtMatrixLayoutCreate", lt.create_layout);
  find("cublasLtMatrixLayoutDestroy", lt.destroy_layout);
  find("cublasLtMatmulPreferenceCreate", lt.create_preference);
  find("cublasLtMatmulPreferenceDestroy", lt.destroy_preference);
  find("cublasLtMatmulPreferenceSetAttribute", lt.set_preference);
  find("cublasLtMatmulAlgoGetHeuristic", lt.propose);
  find("cublasLtMatmul", lt.multiply);
  if (!status) return status;
  return lt;
}

Status CublasLt::status(cublasStatus_t code, const char* tried) const {
  if (code == CUBLAS_STATUS_SUCCESS) return {};
  return {ErrorCode::cuda_error, std::string(tried) + " failed: " + status_name(code)};
}

}  // namespace foldconv::tool

#endif
