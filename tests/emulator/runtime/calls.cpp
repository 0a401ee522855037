// SPDX-License-Identifier: MIT
#include "calls.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api.hpp"

namespace cuemu::runtime {
namespace {

constexpr std::string_view any_call;  // the empty name

struct PlantedFailure {
  std::string name;  // any_call for any
  uint64_t at = 0;   // the count of such calls at which it happens
  cudaError_t error = cudaErrorUnknown;
};

struct CallState {
  std::mutex mutex;
  std::unordered_map<std::string_view, uint64_t> calls;  // by name, and any_call
  std::optional<PlantedFailure> failure;
};

// Not part of "any call": a test that fails these one after another would see leaks that are its
// own doing.
bool gives_back(std::string_view name) {
  static constexpr std::string_view words[] = {"Free",
                                               "Destroy",
                                               "Unregister",
                                               "Reset",
                                               "ThreadExchangeStreamCaptureMode",
                                               "PointerGetAttributes"};
  return std::ranges::any_of(words,
                             [&](std::string_view word) { return name.find(word) != name.npos; });
}

// After these a GPU's context is lost.
bool is_sticky(cudaError_t error) {
  static constexpr cudaError_t sticky[] = {
      cudaErrorECCUncorrectable,   cudaErrorIllegalAddress,
      cudaErrorLaunchTimeout,      cudaErrorAssert,
      cudaErrorHardwareStackError, cudaErrorIllegalInstruction,
      cudaErrorMisalignedAddress,  cudaErrorInvalidAddressSpace,
      cudaErrorInvalidPc,          cudaErrorLaunchFailure};
  return std::ranges::find(sticky, error) != std::end(sticky);
}

std::optional<cudaError_t> parse_error(const std::string& text) {
  for (int number = 1; number <= cudaErrorUnknown; ++number) {
    const char* const name = error_name(static_cast<cudaError_t>(number));
    if (name != nullptr && (text == name || text == std::to_string(number))) {
      return static_cast<cudaError_t>(number);
    }
  }
  return std::nullopt;
}

// NAME:N[:ERROR]
std::optional<PlantedFailure> parse_failure(const std::string& text) {
  const size_t first = text.find(':');
  if (first == text.npos) return std::nullopt;
  const size_t second = text.find(':', first + 1);
  const std::string name = text.substr(0, first);
  const std::string number = text.substr(first + 1, second - first - 1);
  const std::optional<cudaError_t> error =
      second == text.npos ? cudaErrorMemoryAllocation : parse_error(text.substr(second + 1));
  const uint64_t at = std::strtoull(number.c_str(), nullptr, 10);
  if (at == 0 || !error) return std::nullopt;
  return PlantedFailure{name == "any" ? std::string(any_call) : name, at, *error};
}

CallState& call_state() {
  static CallState* const state = [] {
    auto* const fresh = new CallState;
    const char* const wanted = std::getenv("CUEMU_FAIL");
    if (wanted == nullptr) return fresh;
    fresh->failure = parse_failure(wanted);
    if (!fresh->failure) {
      // Without the failure that was asked for, the program's success would mislead.
      print_message(std::string("CUEMU_FAIL=") + wanted + " is not NAME:N[:ERROR]");
      std::_Exit(1);
    }
    return fresh;
  }();
  return *state;
}

// Counts the call; the error it must fail with, if any.
std::optional<cudaError_t> count_call(std::string_view name) {
  CallState& state = call_state();
  const std::lock_guard lock(state.mutex);
  const uint64_t of_name = ++state.calls[name];
  const bool counts_as_any = !gives_back(name);
  if (counts_as_any) ++state.calls[any_call];
  if (!state.failure) return std::nullopt;
  const bool due = state.failure->name == any_call
                       ? counts_as_any && state.calls[any_call] >= state.failure->at
                       : state.failure->name == name && of_name >= state.failure->at;
  if (!due) return std::nullopt;
  const cudaError_t error = state.failure->error;
  state.failure.reset();
  return error;
}

}  // namespace

cudaError_t begin_call(const char* symbol) {
  std::string_view name = symbol;
  if (name.starts_with("__")) name.remove_prefix(2);
  const std::optional<cudaError_t> planted = count_call(name);
  if (!planted) return cudaSuccess;
  if (is_sticky(*planted)) {
    make_sticky(*planted, "planted-failure: " + std::string(name) + " fails as asked for");
  }
  return record_error(*planted);
}

}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_EXPORT int cuemu_fail_call_impl(const char* name, uint64_t n, int error) {
  if (n == 0 || error == cudaSuccess) return 0;
  CallState& state = call_state();
  const std::lock_guard lock(state.mutex);
  const std::string which = name != nullptr ? name : "";
  const auto known = state.calls.find(which);
  const uint64_t before = known != state.calls.end() ? known->second : 0;
  state.failure = PlantedFailure{which, before + n, static_cast<cudaError_t>(error)};
  return 1;
}

CUEMU_EXPORT int cuemu_cancel_failure_impl() {
  CallState& state = call_state();
  const std::lock_guard lock(state.mutex);
  const bool was_pending = state.failure.has_value();
  state.failure.reset();
  return was_pending;
}

CUEMU_EXPORT uint64_t cuemu_calls_impl(const char* name) {
  CallState& state = call_state();
  const std::lock_guard lock(state.mutex);
  const auto known = state.calls.find(name != nullptr ? name : "");
  return known != state.calls.end() ? known->second : 0;
}
