// SPDX-License-Identifier: MIT
// The few functions of cuBLASLt that a matrix product takes, as pointers into the library that a
// machine has. Empty where the toolkit had no cublasLt.h: then the roof is not measured.
#pragma once

#if __has_include(<cublasLt.h>)
#define FOLDCONV_TOOL_HAS_CUBLASLT 1
#include <cublasLt.h>

#include "harness/error.hpp"

namespace foldconv::tool {

struct CublasLt {
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtDestroy) destroy = nullptr;
  decltype(&cublasLtGetStatusName) status_name = nullptr;
  decltype(&cublasLtMatmulDescCreate) create_operation = nullptr;
  decltype(&cublasLtMatmulDescDestroy) destroy_operation = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) set_operation = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) create_layout = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) destroy_layout = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) create_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) destroy_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) propose = nullptr;
  decltype(&cublasLtMatmul) multiply = nullptr;

  // Throws Error (unsupported): no such library, or one that lacks a function.
  explicit CublasLt(const char* library);

  // Throws what was tried and cuBLASLt's name for the error.
  void check(cublasStatus_t code, const char* tried) const;
};

}  // namespace foldconv::tool

#endif
