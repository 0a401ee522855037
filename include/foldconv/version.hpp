// SPDX-License-Identifier: MIT
/// @file
/// The version, the language it needs, and what the library exports.
#pragma once

#if !defined(__cplusplus) || __cplusplus < 202002L
#error "foldconv needs C++20: compile with -std=c++20"
#else

// CMakeLists.txt reads these.
#define FOLDCONV_VERSION_MAJOR 0
#define FOLDCONV_VERSION_MINOR 2
#define FOLDCONV_VERSION_PATCH 0

// Marks what a shared library exports; all else is hidden.
#if defined(__GNUC__)
#define FOLDCONV_API __attribute__((visibility("default")))
#else
#define FOLDCONV_API
#endif

namespace foldconv {

struct Version {
  int major = 0, minor = 0, patch = 0;
  friend bool operator==(const Version&, const Version&) = default;
};

/// Of these headers.
inline constexpr Version kVersion = {FOLDCONV_VERSION_MAJOR, FOLDCONV_VERSION_MINOR,
                                     FOLDCONV_VERSION_PATCH};

/// Of the library that the program runs with.
FOLDCONV_API Version version() noexcept;

}  // namespace foldconv

#endif
