// SPDX-License-Identifier: MIT
// conv_sm90 launched by hand: parameters and tensor maps made here, by their definition in
// params/conv_sm90_params.hpp.
#pragma once

#include <ostream>
#include <string_view>
#include <vector>

#include "harness/oracle/oracle.hpp"
#include "kernels/support/device_buffer.hpp"
#include "kernels/support/pitched_tensor.hpp"
#include "params/conv_sm90_params.hpp"

namespace foldconv::kernel_tests {

struct Sm90Kernel {
  const char* name;
  DataType dtype;
  Sm90Tile tile;
  const void* entry;
};
inline void PrintTo(const Sm90Kernel& kernel, std::ostream* to) {
  *to << kernel.name;
}
const std::vector<Sm90Kernel>& sm90_kernels();
const Sm90Kernel& sm90_kernel(std::string_view name);  // conv_sm90_<dtype>_<tile>

// Whether the device has wgmma.
bool has_wgmma();

struct Sm90Launch {
  Multicast multicast = Multicast::none;
  int most_clusters = 3;      // of the grid: few, so that each computes several tiles
  bool force_im2col = false;  // where x could be read as a matrix
};

// A convolution's data on the device.
class Sm90Conv {
 public:
  // Integers: every result is exact.
  Sm90Conv(const ConvProblem& problem, bool integers, Guards guards = Guards::shifted);
  Sm90Conv(const ConvProblem& problem, oracle::ConvInputs inputs, Guards guards = Guards::shifted);

  const ConvProblem& problem() const { return problem_; }
  const oracle::ConvInputs& inputs() const { return inputs_; }
  // Into a poisoned y.
  std::vector<float> run(const Sm90Kernel& kernel, const Sm90Launch& launch = {}) const;
  // What run() hands to the kernel.
  ConvSm90Params params(const Sm90Kernel& kernel, const Sm90Launch& launch) const;

 private:
  ConvProblem problem_;
  Shape y_shape_;
  oracle::ConvInputs inputs_;
  PitchedTensor x_;
  DeviceBuffer w_, scale_, bias_;
  PitchedTensor residual_, y_;
};

}  // namespace foldconv::kernel_tests
