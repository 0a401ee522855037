// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>

#include "harness/device/buffer.hpp"
#include "harness/device/library.hpp"
#include "harness/error.hpp"
#include "harness/oracle/rounding.hpp"
#include "harness/time/timing.hpp"
#include "measure/roofs.hpp"

#if !__has_include(<cublasLt.h>)

foldconv::tool::Roof foldconv::tool::measure_matrix_product(const char*) {
  return {.reason = "built with a toolkit that has no cublasLt.h"};
}

#else

#include <cublasLt.h>

namespace foldconv::tool {
namespace {

constexpr std::uint64_t kSize = 8192;
constexpr std::size_t kElements = kSize * kSize;
constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;
constexpr int kMostAlgorithms = 4;

using Halves = std::vector<std::uint16_t>;

// Both signs, magnitudes from 0.25 to 1.
Halves random_halves(unsigned seed) {
  std::mt19937 random(seed);
  Halves halves(kElements);
  for (std::uint16_t& half : halves)
    half = static_cast<std::uint16_t>(0x3400U + (random() & 0x87FFU));
  return halves;
}

std::vector<float> column(const Halves& matrix, std::uint64_t index) {
  const std::span<const std::uint16_t> all(matrix);
  return oracle::decode(DataType::f16, std::as_bytes(all.subspan(index * kSize, kSize)));
}

// A function of the library that was loaded; this program is linked with none.
#define CUBLASLT(function, ...) call<decltype(function)>(#function, __VA_ARGS__)

// d = transposed(a) * b, column by column in memory. cuBLASLt's objects stay until the process ends:
// they are few, and made once.
class MatrixProduct {
 public:
  // Keeps the algorithms that run, once outside of a capture, and are right; throws where there is
  // none.
  explicit MatrixProduct(const char* library) : library_(library) {
    CUBLASLT(cublasLtCreate, &handle_);
    CUBLASLT(cublasLtMatmulDescCreate, &operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F);
    const cublasOperation_t transposed = CUBLAS_OP_T;
    CUBLASLT(cublasLtMatmulDescSetAttribute, operation_, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
             sizeof transposed);
    // All three matrices are square.
    CUBLASLT(cublasLtMatrixLayoutCreate, &layout_, CUDA_R_16F, kSize, kSize, std::int64_t{kSize});
    cublasLtMatmulPreference_t preference = nullptr;
    CUBLASLT(cublasLtMatmulPreferenceCreate, &preference);
    CUBLASLT(cublasLtMatmulPreferenceSetAttribute, preference,
             CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspaceBytes, sizeof kWorkspaceBytes);
    std::array<cublasLtMatmulHeuristicResult_t, kMostAlgorithms> results{};
    int count = 0;
    CUBLASLT(cublasLtMatmulAlgoGetHeuristic, handle_, operation_, layout_, layout_, layout_,
             layout_, preference, kMostAlgorithms, results.data(), &count);
    std::string refused = "cuBLASLt proposes no algorithm";
    for (const cublasLtMatmulHeuristicResult_t& result :
         std::span(results).first(static_cast<std::size_t>(count))) {
      try {
        check(result.state, "an algorithm that cuBLASLt proposes");
        d_.poison();  // or what the algorithm before wrote would pass for its own
        multiply(result.algo, nullptr);
        harness::check(cudaDeviceSynchronize(), "multiplying matrices");
        check_some();
        algorithms_.push_back(result.algo);
      } catch (const harness::Error& error) {
        refused = error.what();
      }
    }
    if (algorithms_.empty()) throw harness::Error(ErrorCode::unsupported, refused);
  }

  // By the fastest of the algorithms.
  harness::Timing time() const {
    std::vector<harness::Launch> launches;
    for (const cublasLtMatmulAlgo_t& algorithm : algorithms_) {
      launches.emplace_back([&](cudaStream_t stream) { multiply(algorithm, stream); });
    }
    const std::vector<harness::Timings> timings =
        harness::time_interleaved(launches, {.cold = false, .limits = {.seconds = 1}});
    check_some();
    const auto seconds = [](const harness::Timings& timing) { return timing.warm->seconds; };
    return std::ranges::min_element(timings, {}, seconds)->warm.value();
  }

 private:
  // Some elements of d, as the last product left them, against sums in fp64.
  void check_some() const {
    const harness::Bytes d = d_.download();
    for (std::uint64_t i = 0; i < 32; ++i) {
      const std::uint64_t m = i * 1031 % kSize, n = i * 2467 % kSize;  // primes: all over d
      const std::vector<float> a = column(host_a_, m), b = column(host_b_, n);
      double expected = 0;
      for (std::size_t k = 0; k < kSize; ++k) expected += static_cast<double>(a[k]) * b[k];
      const auto half =
          std::span(d).subspan((n * kSize + m) * sizeof(std::uint16_t), sizeof(std::uint16_t));
      const double got = oracle::decode(DataType::f16, half).front();
      // An unrelated sum is off by tens; fp32 sums and the rounding to fp16 by far less than this.
      if (!(std::abs(got - expected) <= 0.05 + 2e-3 * std::abs(expected))) {
        throw harness::Error(ErrorCode::cuda_error,
                             "cuBLASLt's product is wrong: " + std::to_string(got) +
                                 " instead of " + std::to_string(expected));
      }
    }
  }

  template <class Function, class... Argument>
  void call(const char* name, Argument... arguments) const {
    check(library_.find<Function>(name)(arguments...), name);
  }

  void check(cublasStatus_t status, const std::string& tried) const {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    const auto name_of = library_.find<decltype(cublasLtGetStatusName)>("cublasLtGetStatusName");
    throw harness::Error(ErrorCode::cuda_error, tried + " failed: " + name_of(status));
  }

  void multiply(const cublasLtMatmulAlgo_t& algorithm, cudaStream_t stream) const {
    const float one = 1, zero = 0;
    CUBLASLT(cublasLtMatmul, handle_, operation_, &one, a_.data(), layout_, b_.data(), layout_,
             &zero, d_.data(), layout_, d_.data(), layout_, &algorithm, workspace_.data(),
             workspace_.bytes(), stream);
  }

  harness::Library library_;
  cublasLtHandle_t handle_ = nullptr;
  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t layout_ = nullptr;
  std::vector<cublasLtMatmulAlgo_t> algorithms_;
  const Halves host_a_ = random_halves(1), host_b_ = random_halves(2);
  const harness::DeviceBuffer a_{std::as_bytes(std::span(host_a_))},
      b_{std::as_bytes(std::span(host_b_))}, d_{kElements * sizeof(std::uint16_t)},
      workspace_{kWorkspaceBytes};
};

}  // namespace

Roof measure_matrix_product(const char* library) {
  return measure_roof("cuBLASLt, 8192 x 8192 x 8192, fp16, fp32 sums",
                      2.0 * static_cast<double>(kElements) * static_cast<double>(kSize),
                      [library] { return MatrixProduct(library).time(); });
}

}  // namespace foldconv::tool

#endif
