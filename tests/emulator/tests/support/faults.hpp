// SPDX-License-Identifier: MIT
// Planted faults: what the emulator must say of them, and that the next launch works.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cuemu.h"
#include "harness.hpp"

namespace cuemu_tests {

// Waits for the launch just made and expects it to have failed with a fault of one of `kinds` in
// `kernel`, at one of `source_lines` of the calling file; then clears the fault and checks that a
// kernel runs again. Returns the fault's text.
std::string expect_fault(const char* file, int line, const std::vector<std::string>& kinds,
                         const char* kernel, const std::vector<int>& source_lines);

// Sets one of the emulator's switches for the length of a scope.
class Switch {
 public:
  Switch(const char* name, int value) : name_(name), old_(cuemu_set_switch(name, value)) {}
  ~Switch() { cuemu_set_switch(name_, old_); }
  Switch(const Switch&) = delete;
  Switch& operator=(const Switch&) = delete;

 private:
  const char* name_;
  int old_;
};

}  // namespace cuemu_tests

// EXPECT_FAULT({"out-of-bounds"}, kernel, {line, ...})
#define EXPECT_FAULT(...) cuemu_tests::expect_fault(__FILE__, __LINE__, __VA_ARGS__)
