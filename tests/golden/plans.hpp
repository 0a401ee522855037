// SPDX-License-Identifier: MIT
// How plans are recorded, for the test that compares them and the one that runs their kernels.
#pragma once

#include <string>
#include <vector>

namespace foldconv::golden {

// Recorded devices and their files.
struct RecordedDevice {
  int capability;  // compute capability times 10
  const char* file;
};
inline constexpr RecordedDevice kRecordedDevices[] = {
    {80, "plans_a100.txt"}, {86, "plans_rtx3090.txt"}, {90, "plans_h100.txt"}};

inline constexpr int kBatchSizes[] = {1, 8, 32, 128};

// "resnet50 conv1 n8"
inline std::string plan_name(const std::string& problem, int images) {
  return problem + " n" + std::to_string(images);
}

// The file of the current device. Throws std::runtime_error where there is none.
std::string file_of_current_device();

// The kernels that a recorded plan names: in launch order, or a layer's kernel and the next best.
std::vector<std::string> kernels_in(const std::string& plan);

}  // namespace foldconv::golden
