// SPDX-License-Identifier: MIT
// Judges a failed call: the code, and that the message names what it should.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>

#include "foldconv/status.hpp"

namespace foldconv::test {

inline constexpr ErrorCode kInvalid = ErrorCode::invalid_argument;

inline testing::AssertionResult fails_with(const Status& status, ErrorCode code,
                                           std::initializer_list<std::string_view> parts) {
  if (status.code() != code) {
    return testing::AssertionFailure() << "code " << to_string(status.code()) << ", expected "
                                       << to_string(code) << "; message: " << status.message();
  }
  for (const std::string_view part : parts) {
    if (status.message().find(part) == std::string::npos) {
      return testing::AssertionFailure()
             << "the message lacks \"" << part << "\": " << status.message();
    }
  }
  return testing::AssertionSuccess();
}

template <class T>
testing::AssertionResult fails_with(const Result<T>& result, ErrorCode code,
                                    std::initializer_list<std::string_view> parts) {
  return fails_with(result.status(), code, parts);
}

}  // namespace foldconv::test
