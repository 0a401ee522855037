// SPDX-License-Identifier: MIT
/// @file
/// Errors without exceptions: every call that can fail returns a Status or a Result.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "foldconv/version.hpp"

namespace foldconv {

enum class ErrorCode {
  ok = 0,
  invalid_argument,     ///< no device could take it: null pointer, negative size, NaN weight
  unsupported,          ///< a legal request that no kernel here, or the pinned kernel, takes
  misaligned,           ///< a pointer or stride that breaks an alignment rule
  aliasing,             ///< buffers that overlap where they must not
  workspace_too_small,  ///< fewer bytes than Plan::workspace_bytes()
  device_too_old,       ///< no kernel was compiled for this GPU
  out_of_memory,        ///< host or device memory
  cuda_error,           ///< the CUDA runtime refused; the message carries its name and text
};

/// The name of a code, e.g. "invalid_argument".
FOLDCONV_API const char* to_string(ErrorCode code) noexcept;

/// Outcome of a call. A message has three parts: what is wrong, which value, what to do about it.
/// Copyable, no thread affinity.
class [[nodiscard]] Status {
 public:
  Status() = default;  ///< ok
  Status(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const noexcept { return code_ == ErrorCode::ok; }
  explicit operator bool() const noexcept { return ok(); }
  ErrorCode code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }  ///< empty when ok

 private:
  ErrorCode code_ = ErrorCode::ok;
  std::string message_;
};

namespace detail {
// Prints the message to stderr and ends the program (std::abort).
[[noreturn]] FOLDCONV_API void no_value(const Status& status) noexcept;
}  // namespace detail

/// A value or the Status that says why there is none. Reading the value of a failed Result ends the
/// program with the Status' message, in every build: ask ok() first.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status status) : status_(std::move(status)) {}  ///< a failed one

  bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  const Status& status() const noexcept { return status_; }

  T& value() & { return require(), *value_; }
  const T& value() const& { return require(), *value_; }
  T&& value() && { return require(), *std::move(value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  void require() const {
    if (!value_) detail::no_value(status_);
  }

  Status status_;
  std::optional<T> value_;
};

}  // namespace foldconv
