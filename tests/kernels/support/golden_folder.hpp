// SPDX-License-Identifier: MIT
// Where the recorded results lie.
#pragma once

#include <cstdlib>
#include <string>

namespace foldconv::kernel_tests {

// tests/golden of the source tree, unless the environment names another place: a test program may
// run on a machine that it was not built on.
inline std::string golden_folder() {
  const char* folder = std::getenv("FOLDCONV_GOLDEN_FOLDER");
  return folder != nullptr ? folder : FOLDCONV_GOLDEN_FOLDER;
}

}  // namespace foldconv::kernel_tests
