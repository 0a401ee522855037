// SPDX-License-Identifier: MIT
// Inverted residual blocks with data: as the chain of the library's convolutions, and block_inverted launched by hand.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/registry.hpp"
#include "kernels/support/test_conv.hpp"
#include "params/block_params.hpp"

namespace foldconv::kernel_tests {

struct InvertedShapes {
  int n, h, w, c;
  int middle;  // 0: no expand, the middle is x
  int k;
  int kernel = 3, stride = 1;
  Padding pad = {1, 1, 1, 1};
  bool residual = false;
  Activation inner = Activation::relu6, last = Activation::none;

  bool expands() const { return middle != 0; }
  int middle_channels() const { return expands() ? middle : c; }
  std::string name() const;
};

struct InvertedLaunch {
  const host::InvertedKernel* kernel;
  InvertedShape tile;
  int ctas = 3;                  // few, so that each computes several tiles
  int x_pitch = 0, y_pitch = 0;  // 0: dense
  Guards guards = Guards::shifted;
};

class TestInverted {
 public:
  TestInverted(const InvertedShapes& shapes, DataType dtype, bool integers = false);

  const InvertedShapes& shapes() const { return shapes_; }
  std::vector<float>& x() { return x_; }  // to be changed before a run
  Shape output() const;

  // y, dense. The kernel's: poisoned before; guard bands and what lies between pixels checked after.
  harness::Bytes chain(Guards guards = Guards::shifted) const;
  harness::Bytes whole(const InvertedLaunch& launch) const;
  InvertedParams params(const InvertedLaunch& launch) const;  // without x and y
  int shared_bytes(const InvertedLaunch& launch) const;
  // Whether a CTA may have as much shared memory on this device, and the kernel as many channels.
  bool fits(const InvertedLaunch& launch) const;

 private:
  InvertedShapes shapes_;
  DataType dtype_;
  std::optional<TestConv> expand_;
  std::vector<TestConv> others_;  // depthwise, project
  std::vector<float> x_;
};

}  // namespace foldconv::kernel_tests
