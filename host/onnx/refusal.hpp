// SPDX-License-Identifier: MIT
// How the importer gives up on a node: an exception, caught where nodes are walked.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "foldconv/status.hpp"

namespace foldconv::onnx {

struct Refusal {
  ErrorCode code;
  std::string rule, value, remedy;
};

// A valid model that is not taken.
[[noreturn]] inline void refuse(std::string rule, std::string value, std::string remedy) {
  throw Refusal{ErrorCode::unsupported, std::move(rule), std::move(value), std::move(remedy)};
}

// No valid model.
[[noreturn]] inline void reject(std::string rule, std::string value,
                                std::string remedy = "repair how the file is written") {
  throw Refusal{ErrorCode::invalid_argument, std::move(rule), std::move(value), std::move(remedy)};
}

// Of a message "what: value; remedy" (base/error.hpp), told of `origin`.
Refusal refusal_of(const Status& status, std::string_view origin = {});

// The value of a call of the wire format.
template <class T>
T value_or_refuse(Result<T> result) {
  if (!result.ok()) throw refusal_of(result.status());
  return *std::move(result);
}

}  // namespace foldconv::onnx
