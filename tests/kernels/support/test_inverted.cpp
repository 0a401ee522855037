// SPDX-License-Identifier: MIT
#include "kernels/support/test_inverted.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <sstream>

#include "catalog/launch.hpp"
#include "conv/conv_data.hpp"
#include "harness/oracle/rounding.hpp"
#include "tile/inverted_tile.hpp"

namespace foldconv::kernel_tests {
namespace {

ConvProblem problem_of(const InvertedShapes& s, DataType dtype, int c, int k) {
  ConvProblem problem = {.n = s.n, .h = s.h, .w = s.w, .c = c, .k = k, .r = 1, .s = 1};
  problem.dtype = dtype;
  return problem;
}

BlockConv conv_of(const TestConv& test) {
  const auto& data = host::Internals::data(test.conv);
  return {data.weights, data.scale, data.bias};
}

FastDivision by(int divisor) {
  return FastDivision(static_cast<std::uint32_t>(divisor));
}
int rounded_up(int a, int b) {
  return (a + b - 1) / b;
}

// Rows of `row` bytes, `step` bytes apart; poison between them.
harness::Bytes spread(const harness::Bytes& dense, std::size_t row, std::size_t step) {
  harness::Bytes apart(dense.size() / row * step, std::byte{DeviceBuffer::kPoison});
  for (std::size_t i = 0; i * row < dense.size(); ++i)
    std::memcpy(&apart[i * step], &dense[i * row], row);
  return apart;
}
harness::Bytes gathered(const harness::Bytes& apart, std::size_t row, std::size_t step) {
  harness::Bytes dense(apart.size() / step * row);
  for (std::size_t i = 0; i * step < apart.size(); ++i) {
    std::memcpy(&dense[i * row], &apart[i * step], row);
    for (std::size_t b = row; b < step; ++b) {
      if (apart[i * step + b] == std::byte{DeviceBuffer::kPoison}) continue;
      ADD_FAILURE() << "written between pixels, behind pixel " << i;
      return dense;
    }
  }
  return dense;
}

}  // namespace

std::string InvertedShapes::name() const {
  std::ostringstream out;
  out << n << "x" << h << "x" << w << "x" << c << " -> " << middle << " -> " << k << ", " << kernel
      << "x" << kernel << " s" << stride << ", pad " << pad.top << " " << pad.left << " "
      << pad.bottom << " " << pad.right << (residual ? ", + x, " : ", ") << to_string(inner) << ", "
      << to_string(last);
  return out.str();
}

TestInverted::TestInverted(const InvertedShapes& shapes, DataType dtype, bool integers)
    : shapes_(shapes), dtype_(dtype) {
  const InvertedShapes& s = shapes_;
  const int middle = s.middle_channels();
  const auto make = [&](ConvProblem problem, std::uint64_t seed) {
    return make_conv(problem, {.integers = integers, .seed = seed});
  };
  if (s.expands()) {
    ConvProblem expand = problem_of(s, dtype, s.c, middle);
    expand.activation = s.inner;
    expand_ = make(expand, 1);
  }
  ConvProblem depthwise = problem_of(s, dtype, middle, middle);
  depthwise.r = depthwise.s = s.kernel;
  depthwise.stride = {s.stride, s.stride};
  depthwise.pad = s.pad;
  depthwise.groups = middle;
  depthwise.activation = s.inner;
  others_.push_back(make(depthwise, 2));
  ConvProblem project = problem_of(s, dtype, middle, s.k);
  const Shape t2 = oracle::output_shape(depthwise);
  project.h = t2.h, project.w = t2.w;
  project.activation = s.last;
  project.residual = s.residual;
  others_.push_back(make(project, 3));
  x_ = expand_ ? expand_->inputs.x : others_[0].inputs.x;
}

Shape TestInverted::output() const {
  return oracle::output_shape(others_[1].problem);
}

harness::Bytes TestInverted::chain(Guards guards) const {
  const RunOptions options = {.guards = guards};
  std::vector<float> at = x_;
  const auto run_on = [&](TestConv test) {
    test.inputs.x = at;
    if (test.problem.residual) test.inputs.residual = x_;
    return run_bytes(test, options);
  };
  if (expand_) at = oracle::decode(dtype_, run_on(*expand_));
  at = oracle::decode(dtype_, run_on(others_[0]));
  return run_on(others_[1]);
}

InvertedParams TestInverted::params(const InvertedLaunch& launch) const {
  const InvertedShapes& s = shapes_;
  const Shape y = output();
  const int rows = rounded_up(y.h, launch.tile.h), columns = rounded_up(y.w, launch.tile.w);
  InvertedParams p = {};
  if (expand_) p.expand = conv_of(*expand_);
  p.depthwise = conv_of(others_[0]);
  p.project = conv_of(others_[1]);
  p.n = s.n, p.h = s.h, p.w = s.w, p.c = s.c;
  p.middle = s.middle_channels(), p.k = s.k;
  p.p = y.h, p.q = y.w;
  p.kernel = s.kernel, p.stride = s.stride;
  p.pad_top = s.pad.top, p.pad_left = s.pad.left;
  p.residual = s.residual ? 1 : 0;
  p.x_pitch = launch.x_pitch != 0 ? launch.x_pitch : s.c;
  p.y_pitch = launch.y_pitch != 0 ? launch.y_pitch : s.k;
  p.inner = host::activation_params(s.inner);
  p.last = host::activation_params(s.last);
  p.tile_h = launch.tile.h, p.tile_w = launch.tile.w;
  p.tiles = s.n * rows * columns;
  p.tiles_per_image = by(rows * columns);
  p.tile_columns = by(columns);
  p.per_tile_row = by(launch.tile.w);
  const InvertedWindow window{s.kernel, s.stride};
  p.memory = InvertedTile::memory(s.expands(), s.c, s.k, window.taps(),
                                  InvertedTile::halo_rows(launch.tile, window, s.h, s.w));
  p.unit_columns = by(InvertedTile::unit_columns(launch.tile.w));
  return p;
}

int TestInverted::shared_bytes(const InvertedLaunch& launch) const {
  return params(launch).memory.bytes;
}

bool TestInverted::fits(const InvertedLaunch& launch) const {
  int most = 0;
  check(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), "device");
  return shared_bytes(launch) <= most && shapes_.k <= launch.kernel->tile->most_channels();
}

harness::Bytes TestInverted::whole(const InvertedLaunch& launch) const {
  InvertedParams p = params(launch);
  const Shape y_shape = output();
  const std::size_t x_row = static_cast<std::size_t>(p.c) * 2, y_row = std::size_t(p.k) * 2;
  const std::size_t x_step = std::size_t(p.x_pitch) * 2, y_step = std::size_t(p.y_pitch) * 2;
  const harness::Bytes x_bytes = spread(oracle::encode(dtype_, x_), x_row, x_step);
  const DeviceBuffer x(x_bytes, launch.guards),
      y(static_cast<std::size_t>(y_shape.n) * y_shape.h * y_shape.w * y_step, launch.guards);
  p.x = x.data();
  p.y = y.data();
  const int shared = p.memory.bytes;
  const void* entry = launch.kernel->entry();
  check(cudaFuncSetAttribute(entry, cudaFuncAttributeMaxDynamicSharedMemorySize, shared),
        "shared memory");
  void* arguments[] = {&p};
  check(cudaLaunchKernel(entry, dim3(static_cast<unsigned int>(std::min(p.tiles, launch.ctas))),
                         dim3(InvertedTile::threads()), arguments, static_cast<std::size_t>(shared),
                         nullptr),
        "launch");
  check(cudaDeviceSynchronize(), "run");
  EXPECT_TRUE(x.download() == x_bytes) << "x was changed by the kernel";
  return gathered(y.download(), y_row, y_step);
}

}  // namespace foldconv::kernel_tests
