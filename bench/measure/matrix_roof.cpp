#include "measure/matrix_roof.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "compute/device_buffer.hpp"
#include "harness/oracle/rounding.hpp"
#include "measure/cublaslt.hpp"
#include "measure/timing.hpp"

namespace foldconv::tool {

#ifndef FOLDCONV_TOOL_HAS_CUBLASLT

Roof measure_matrix_product(const char*) {
  Roof roof;
  roof.reason = "built with a toolkit that has no cublasLt.h";
  return roof;
}

#else

namespace {

constexpr std::uint64_t kSize = 8192;
constexpr std::size_t kElements = kSize * kSize;
constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;
constexpr int kMostAlgorithms = 4;

using Halves = std::vector<std::uint16_t>;

// Both signs, magnitudes from 0.25 to 1.
Halves random_halves(std::uint64_t state) {
  Halves halves(kElements);
  for (std::uint16_t& half : halves) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const auto bits = static_cast<std::uint32_t>(state >> 48);
    half = static_cast<std::uint16_t>((bits & 0x8000U) | (0x3400U + (bits & 0x07FFU)));
  }
  return halves;
}

std::vector<float> column(const Halves& matrix, std::uint64_t index) {
  const std::span<const std::uint16_t> all(matrix);
  return oracle::decode(DataType::f16, std::as_bytes(all.subspan(index * kSize, kSize)));
}

// d = transposed(a) * b, column by column in memory.
class MatrixProduct {
 public:
  MatrixProduct() = default;
  MatrixProduct(const MatrixProduct&) = delete;
  MatrixProduct& operator=(const MatrixProduct&) = delete;
  ~MatrixProduct() {
    if (preference_ != nullptr) lt_.destroy_preference(preference_);
    if (layout_ != nullptr) lt_.destroy_layout(layout_);
    if (operation_ != nullptr) lt_.destroy_operation(operation_);
    if (handle_ != nullptr) lt_.destroy(handle_);
  }

  Status prepare(const char* library) {
    Result<CublasLt> lt = CublasLt::load(library);
    if (!lt) return lt.status();
    lt_ = *lt;
    Status status = lt_.status(lt_.create(&handle_), "cublasLtCreate");
    if (!status) return status;
    if (status = describe(); !status) return status;
    if (status = fill(); !status) return status;
    return propose();
  }

  // One for each algorithm.
  std::vector<Launches> launches() const {
    std::vector<Launches> all;
    for (const cublasLtMatmulAlgo_t& algorithm : algorithms_) {
      all.emplace_back(
          [this, &algorithm](cudaStream_t stream) { return multiply(algorithm, stream); });
    }
    return all;
  }

  // Some elements of d, as the last product left them, against sums in fp64.
  Status check() const {
    std::uint64_t at = 1;
    for (int i = 0; i < 32; ++i) {
      at = at * 2862933555777941757U + 3037000493U;
      const std::uint64_t m = at >> 51, n = (at >> 20) % kSize;
      const std::vector<float> a = column(host_a_, m), b = column(host_b_, n);
      double expected = 0;
      for (std::size_t k = 0; k < kSize; ++k) expected += static_cast<double>(a[k]) * b[k];
      std::array<std::byte, 2> half{};
      const auto* from = static_cast<const std::byte*>(d_.data()) + (n * kSize + m) * half.size();
      Status status = cuda_status(
          cudaMemcpy(half.data(), from, half.size(), cudaMemcpyDeviceToHost), "cudaMemcpy");
      if (!status) return status;
      const double got = oracle::decode(DataType::f16, half).front();
      // An unrelated sum is off by tens; fp32 sums and the rounding to fp16 by far less than this.
      if (!(std::abs(got - expected) <= 0.05 + 2e-3 * std::abs(expected))) {
        return {ErrorCode::cuda_error, "cuBLASLt's product is wrong: " + std::to_string(got) +
                                           " instead of " + std::to_string(expected)};
      }
    }
    return {};
  }

 private:
  Status describe() {
    Status status = lt_.status(lt_.create_operation(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F),
                               "describing the product");
    if (!status) return status;
    const cublasOperation_t transposed = CUBLAS_OP_T;
    status = lt_.status(
        lt_.set_operation(operation_, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed),
        "describing the product");
    if (!status) return status;
    // All three matrices are square.
    return lt_.status(
        lt_.create_layout(&layout_, CUDA_R_16F, kSize, kSize, static_cast<std::int64_t>(kSize)),
        "describing the matrices");
  }

  Status fill() {
    host_a_ = random_halves(1);
    host_b_ = random_halves(2);
    Status status;
    const auto keep = [&status](DeviceBuffer& buffer, Result<DeviceBuffer> made) {
      if (!status) return;
      if (made) {
        buffer = std::move(*made);
      } else {
        status = made.status();
      }
    };
    keep(a_, DeviceBuffer::upload(std::as_bytes(std::span(host_a_))));
    keep(b_, DeviceBuffer::upload(std::as_bytes(std::span(host_b_))));
    keep(d_, DeviceBuffer::allocate(kElements * sizeof(std::uint16_t)));
    keep(workspace_, DeviceBuffer::allocate(kWorkspaceBytes));
    if (!status) return status;
    if (status = d_.poison(); !status) return status;
    // What was copied on the default stream must be there before other streams begin.
    return cuda_status(cudaDeviceSynchronize(), "copying the matrices");
  }

  Status propose() {
    Status status =
        lt_.status(lt_.create_preference(&preference_), "cublasLtMatmulPreferenceCreate");
    if (!status) return status;
    status = lt_.status(lt_.set_preference(preference_, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                           &kWorkspaceBytes, sizeof kWorkspaceBytes),
                        "cublasLtMatmulPreferenceSetAttribute");
    if (!status) return status;
    std::array<cublasLtMatmulHeuristicResult_t, kMostAlgorithms> results{};
    int count = 0;
    status = lt_.status(lt_.propose(handle_, operation_, layout_, layout_, layout_, layout_,
                                    preference_, kMostAlgorithms, results.data(), &count),
                        "cublasLtMatmulAlgoGetHeuristic");
    if (!status) return status;
    // Only those that run, once outside of a capture.
    Status refused(ErrorCode::unsupported, "cuBLASLt proposes no algorithm");
    for (int i = 0; i < count; ++i) {
      const cublasLtMatmulHeuristicResult_t& result = results[static_cast<std::size_t>(i)];
      Status tried = lt_.status(result.state, "an algorithm that cuBLASLt proposes");
      if (tried) tried = multiply(result.algo, nullptr);
      if (tried) tried = cuda_status(cudaDeviceSynchronize(), "multiplying matrices");
      if (tried) tried = check();
      if (tried) {
        algorithms_.push_back(result.algo);
      } else {
        refused = tried;
      }
    }
    return algorithms_.empty() ? refused : Status();
  }

  Status multiply(const cublasLtMatmulAlgo_t& algorithm, cudaStream_t stream) const {
    const float one = 1, zero = 0;
    return lt_.status(lt_.multiply(handle_, operation_, &one, a_.data(), layout_, b_.data(),
                                   layout_, &zero, d_.data(), layout_, d_.data(), layout_,
                                   &algorithm, workspace_.data(), workspace_.bytes(), stream),
                      "cublasLtMatmul");
  }

  CublasLt lt_;
  cublasLtHandle_t handle_ = nullptr;
  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t layout_ = nullptr;
  cublasLtMatmulPreference_t preference_ = nullptr;
  std::vector<cublasLtMatmulAlgo_t> algorithms_;
  Halves host_a_, host_b_;
  DeviceBuffer a_, b_, d_, workspace_;
};

Result<Timing> time_product(const char* library) {
  MatrixProduct product;
  if (Status status = product.prepare(library); !status) return status;
  const Result<std::vector<Timings> > timings =
      time_interleaved(product.launches(), {.cold = false, .limits = {.seconds = 1}});
  if (!timings) return timings.status();
  if (Status status = product.check(); !status) return status;
  return std::ranges::min_element(*timings, {},
                                  [](const Timings& timing) { return timing.warm->seconds; })
      ->warm.value();
}

}  // namespace

Roof measure_matrix_product(const char* library) {
  Roof roof;
  roof.how = "cuBLASLt, 8192 x 8192 x 8192, fp16, fp32 sums";
  const Result<Timing> timing = time_product(library);
  if (!timing) {
    cudaGetLastError();  // it is said here, and no error of what is run later
    roof.reason = timing.status().message();
  } else if (timing->seconds > 0) {
    roof.rate = 2.0 * static_cast<double>(kElements) * static_cast<double>(kSize) / timing->seconds;
    roof.noise = timing->noise;
  } else {
    roof.reason = "the product took no time";
  }
  return roof;
}

#endif

}  // namespace foldconv::tool
