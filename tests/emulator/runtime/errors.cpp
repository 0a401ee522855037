// SPDX-License-Identifier: MIT
#include "errors.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string_view>
#include <utility>

#include "api.hpp"

namespace cuemu::runtime {
namespace {

thread_local cudaError_t last_error = cudaSuccess;

struct FaultState {
  std::mutex mutex;
  std::atomic<cudaError_t> sticky{cudaSuccess};
  std::string text;
};

// Never destroyed: programs call the runtime from their own destructors.
FaultState& fault_state() {
  static FaultState* const state = new FaultState;
  return *state;
}

cudaError_t error_of_fault(const std::string& kind) {
  if (kind == "out-of-bounds") return cudaErrorIllegalAddress;
  if (kind == "misaligned-access") return cudaErrorMisalignedAddress;
  if (kind == "unknown-opcode") return cudaErrorIllegalInstruction;
  if (kind == "deadlock") return cudaErrorLaunchTimeout;
  return cudaErrorLaunchFailure;
}

}  // namespace

cudaError_t record_error(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

cudaError_t sticky_error() {
  return fault_state().sticky.load(std::memory_order_acquire);
}

cudaError_t raise_fault(const Fault& fault) {
  // The engine may find a launch impossible for reasons the runtime does not know; nothing has run
  // then.
  if (fault.kind == "invalid-launch") return refuse_launch(cudaErrorInvalidValue, fault.text);
  return make_sticky(error_of_fault(fault.kind), fault.text);
}

cudaError_t make_sticky(cudaError_t error, const std::string& text) {
  FaultState& state = fault_state();
  const std::lock_guard lock(state.mutex);
  if (state.sticky.load() == cudaSuccess) {
    print_message(text);
    state.text = text;
    state.sticky.store(error, std::memory_order_release);
  }
  return state.sticky.load();
}

cudaError_t refuse_launch(cudaError_t error, const std::string& detail) {
  static constexpr std::string_view prefix = "invalid-launch: ";
  const std::string text = detail.starts_with(prefix) ? detail : std::string(prefix).append(detail);
  FaultState& state = fault_state();
  const std::lock_guard lock(state.mutex);
  if (state.text.empty()) {
    print_message(text);
    state.text = text;
  }
  return error;
}

void print_message(const std::string& text) {
  std::fprintf(stderr, "cuemu: %s\n", text.c_str());
}

cudaError_t not_supported(const char* what) {
  print_message(std::string(what) + " is not supported by the emulator");
  return cudaErrorNotSupported;
}

}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_EXPORT cudaError_t cudaGetLastError() {
  if (const cudaError_t sticky = sticky_error(); sticky != cudaSuccess) return sticky;
  return std::exchange(last_error, cudaSuccess);
}

CUEMU_EXPORT cudaError_t cudaPeekAtLastError() {
  if (const cudaError_t sticky = sticky_error(); sticky != cudaSuccess) return sticky;
  return last_error;
}

CUEMU_EXPORT const char* cudaGetErrorName(cudaError_t error) {
  const char* const name = error_name(error);
  return name != nullptr ? name : "unrecognized error code";
}

CUEMU_EXPORT const char* cudaGetErrorString(cudaError_t error) {
  const char* const text = error_text(error);
  return text != nullptr ? text : "unrecognized error code";
}

CUEMU_EXPORT size_t cuemu_last_fault_impl(char* text, size_t size) {
  FaultState& state = fault_state();
  const std::lock_guard lock(state.mutex);
  if (size > 0) {
    const size_t copied = std::min(size - 1, state.text.size());
    std::memcpy(text, state.text.data(), copied);
    text[copied] = '\0';
  }
  return state.text.size();
}

CUEMU_EXPORT void cuemu_clear_fault_impl() {
  FaultState& state = fault_state();
  const std::lock_guard lock(state.mutex);
  state.text.clear();
  state.sticky.store(cudaSuccess, std::memory_order_release);
  last_error = cudaSuccess;
}
