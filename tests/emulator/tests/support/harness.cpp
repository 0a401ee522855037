// SPDX-License-Identifier: MIT
// Hands the .cu files' tests, failures and skips on to GoogleTest (see harness.hpp).
#include "harness.hpp"

#include <gtest/gtest.h>

#include "cuemu.h"

namespace cuemu_tests {
namespace {

class FunctionTest : public testing::Test {
 public:
  explicit FunctionTest(void (*body)()) : body_(body) {}
  void TestBody() override {
    body_();
    // A fault that the test did not expect must not make all later tests fail.
    char fault[1024];
    if (cuemu_last_fault(fault, sizeof fault) == 0) return;
    ADD_FAILURE() << "the test left a fault behind: " << fault;
    cuemu_clear_fault();
  }

 private:
  void (*body_)();
};

void report(testing::TestPartResult::Type type, const char* file, int line,
            const std::string& text) {
  testing::internal::AssertHelper(type, file, line, text.c_str()) = testing::Message();
}

}  // namespace

bool register_test(const char* suite, const char* name, const char* file, int line,
                   void (*body)()) {
  testing::RegisterTest(suite, name, nullptr, nullptr, file, line,
                        [body]() -> testing::Test* { return new FunctionTest(body); });
  return true;
}

void report_failure(const char* file, int line, const std::string& text) {
  report(testing::TestPartResult::kNonFatalFailure, file, line, text);
}

void report_skip(const char* file, int line, const char* reason) {
  report(testing::TestPartResult::kSkip, file, line, reason);
}

}  // namespace cuemu_tests
