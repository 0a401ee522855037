// SPDX-License-Identifier: MIT
// Objects of foldconv.h that free themselves, and judges of its errors.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "foldconv.h"
#include "harness/device/objects.hpp"

namespace foldconv::c_tests {

using OwnedGraph = harness::Owned<fc_graph*, fc_graph_free>;
using OwnedNetwork = harness::Owned<fc_network*, fc_network_free>;
using OwnedPlan = harness::Owned<fc_plan*, fc_plan_free>;
using OwnedCudaGraph = harness::Owned<fc_cuda_graph*, fc_cuda_graph_free>;
using OwnedProblems = harness::Owned<fc_problems*, fc_problems_free>;

// An error that no call has written.
inline fc_error untouched() {
  fc_error error;
  std::memset(&error, 0x55, sizeof error);
  return error;
}

// What `call(object, error)` makes; a failure where it makes none.
template <class Owner, class Call>
Owner made(Call call) {
  fc_error error = untouched();
  typename Owner::pointer object = nullptr;
  EXPECT_EQ(call(&object, &error), FC_OK) << error.message;
  EXPECT_EQ(error.code, FC_OK);
  EXPECT_STREQ(error.message, "");
  EXPECT_NE(object, nullptr);
  return Owner(object);
}

// `call(error)` fails with a message that names what it should; without an fc_error, too.
template <class Call>
testing::AssertionResult fails_with(Call call, fc_code expected,
                                    std::initializer_list<std::string_view> parts) {
  fc_error error = untouched();
  const fc_code code = call(&error);
  if (code != expected || error.code != code) {
    return testing::AssertionFailure() << "code " << fc_code_name(code) << ", in the error "
                                       << fc_code_name(error.code) << ": " << error.message;
  }
  const void* end = std::memchr(error.message, '\0', sizeof error.message);
  if (end == nullptr) return testing::AssertionFailure() << "a message without an end";
  for (const std::string_view part : parts) {
    if (std::string_view(error.message).find(part) == std::string_view::npos) {
      return testing::AssertionFailure()
             << "the message lacks \"" << part << "\": " << error.message;
    }
  }
  if (call(nullptr) != expected) {
    return testing::AssertionFailure() << "another code without an fc_error";
  }
  return testing::AssertionSuccess();
}

}  // namespace foldconv::c_tests
