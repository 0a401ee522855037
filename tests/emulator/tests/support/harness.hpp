// SPDX-License-Identifier: MIT
// The part of GoogleTest's interface that the .cu files use, without its header: parsing gtest.h
// twice (host and device pass) costs 3 s a file, four times what the rest takes. harness.cpp hands
// everything on to GoogleTest.
#pragma once

#include <cstdio>
#include <string>
#include <type_traits>

namespace cuemu_tests {

bool register_test(const char* suite, const char* name, const char* file, int line, void (*body)());
void report_failure(const char* file, int line, const std::string& text);
void report_skip(const char* file, int line, const char* reason);

// A value in words, for failure messages. Other types: add an overload beside the type.
inline std::string describe(const std::string& text) {
  return '"' + text + '"';
}
inline std::string describe(const char* text) {
  return describe(std::string(text));
}
inline std::string describe(bool value) {
  return value ? "true" : "false";
}
inline std::string describe(const void* pointer) {
  char text[32];
  std::snprintf(text, sizeof text, "%p", pointer);
  return text;
}
template <class T, std::enable_if_t<std::is_floating_point_v<T>, int> = 0>
std::string describe(T value) {
  char text[96];
  std::snprintf(text, sizeof text, "%.17g (%a)", static_cast<double>(value),
                static_cast<double>(value));
  return text;
}
template <class T, std::enable_if_t<std::is_integral_v<T> || std::is_enum_v<T>, int> = 0>
std::string describe(T value) {
  const auto bits = static_cast<unsigned long long>(value) & (~0ull >> (64 - 8 * sizeof(T)));
  char text[64];
  std::snprintf(text, sizeof text, "%lld (0x%llx)", static_cast<long long>(value), bits);
  return text;
}

// True when equal; else reports both values. `context` says which of many comparisons it was.
template <class A, class B>
bool expect_equal(const char* file, int line, const char* what, const A& actual, const B& expected,
                  const std::string& context = {}) {
  if (actual == expected) return true;
  report_failure(file, line,
                 std::string(what) + " is " + describe(actual) + ", expected " +
                     describe(expected) + (context.empty() ? "" : "; " + context));
  return false;
}

inline bool expect_true(const char* file, int line, const char* what, bool value,
                        const std::string& context = {}) {
  if (value) return true;
  report_failure(file, line,
                 std::string(what) + " is false" + (context.empty() ? "" : "; " + context));
  return false;
}

}  // namespace cuemu_tests

#define TEST(suite, name)                                                                   \
  static void suite##_##name##_body();                                                      \
  [[maybe_unused]] static const bool suite##_##name##_registered =                          \
      cuemu_tests::register_test(#suite, #name, __FILE__, __LINE__, suite##_##name##_body); \
  static void suite##_##name##_body()

// EXPECT_EQ(actual, expected[, context]); EXPECT_TRUE(condition[, context]). Both are false when
// they fail.
#define EXPECT_EQ(actual, ...) \
  cuemu_tests::expect_equal(__FILE__, __LINE__, #actual, actual, __VA_ARGS__)
#define EXPECT_TRUE(...) cuemu_tests::expect_true(__FILE__, __LINE__, #__VA_ARGS__, __VA_ARGS__)
#define ASSERT_EQ(...)                   \
  do {                                   \
    if (!EXPECT_EQ(__VA_ARGS__)) return; \
  } while (false)
#define ASSERT_TRUE(...)                   \
  do {                                     \
    if (!EXPECT_TRUE(__VA_ARGS__)) return; \
  } while (false)
#define SKIP_TEST(reason)                                 \
  do {                                                    \
    cuemu_tests::report_skip(__FILE__, __LINE__, reason); \
    return;                                               \
  } while (false)
