// SPDX-License-Identifier: MIT
// The library against what cuDNN computed on a GPU, wherever this runs.
#include <gtest/gtest.h>

#include <filesystem>

#include "kernels/support/golden.hpp"

namespace foldconv::kernel_tests {
namespace {

TEST(CudnnGoldens, TheLibraryAgreesWithTheRecording) {
  const std::string folder = golden_folder() + "/cudnn";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "no recording; make one on a machine with a GPU and cuDNN by: foldconv "
                    "record-cudnn --out "
                 << folder;
  }
  expect_agreement(folder);
}

}  // namespace
}  // namespace foldconv::kernel_tests
