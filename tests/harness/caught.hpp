// SPDX-License-Identifier: MIT
// Errors as values, for tests of what throws.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "harness/error.hpp"

namespace foldconv::harness {

// What `run` throws: its message, "" where it throws nothing; of another code: a test failure.
template <class Run>
std::string message_of(Run&& run, ErrorCode code = ErrorCode::invalid_argument) {
  try {
    run();
  } catch (const Error& error) {
    EXPECT_EQ(to_string(error.code()), to_string(code)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing is thrown";
  return "";
}

inline testing::AssertionResult names(const std::string& message, const std::string& part) {
  if (message.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no \"" << part << "\" in \"" << message << '"';
}

}  // namespace foldconv::harness
