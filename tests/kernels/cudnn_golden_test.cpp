// SPDX-License-Identifier: MIT
// The library against what cuDNN computed on a GPU, wherever this runs.
#include <gtest/gtest.h>

#include "kernels/support/cudnn_agreement.hpp"
#include "kernels/support/golden_folder.hpp"

namespace foldconv::kernel_tests {
namespace {

TEST(CudnnGoldens, TheLibraryAgreesWithTheRecording) {
  const std::string folder = golden_folder() + "/cudnn";
  if (read_cudnn_goldens(folder).empty()) {
    GTEST_SKIP() << "no recording in tests/golden/cudnn yet; make one on a GPU by: "
                    "bench/run.sh record-cudnn --out tests/golden/cudnn";
  }
  expect_agreement(folder);
}

}  // namespace
}  // namespace foldconv::kernel_tests
