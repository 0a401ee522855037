// SPDX-License-Identifier: MIT
#include "kernels/sm90/hand_launch.hpp"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "base/problem_sizes.hpp"
#include "catalog/launch.hpp"
#include "entry_points.hpp"
#include "harness/oracle/rounding.hpp"
#include "tile/tiles.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv::kernel_tests {
namespace {

template <class Function>
Function* driver_function(const char* name) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult result = {};
  check(cudaGetDriverEntryPointByVersion(name, &function, 12000, cudaEnableDefault, &result), name);
  if (function == nullptr) throw std::runtime_error(std::string("no ") + name);
  return reinterpret_cast<Function*>(function);
}

CUtensorMapDataType map_type(DataType dtype) {
  return dtype == DataType::f16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16
                                : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
}
void encoded(CUresult result) {
  if (result != CUDA_SUCCESS)
    throw std::runtime_error("tensor map: error " + std::to_string(result));
}

// A tensor of 16-bit elements.
struct Tensor {
  DataType dtype;
  void* address;
  std::vector<cuuint64_t> dims;  // innermost first
  std::size_t pixels;            // the dimension of pixels, or of their columns
  cuuint64_t pitch;              // elements from a pixel to the next

  std::vector<cuuint64_t> strides() const {
    std::vector<cuuint64_t> bytes;
    cuuint64_t stride = 2;
    for (std::size_t i = 0; i + 1 < dims.size(); ++i) {
      stride = i + 1 == pixels ? pitch * 2 : stride * dims[i];
      bytes.push_back(stride);
    }
    return bytes;
  }
};

// Maps are written where they stay: GCC 12 does not align temporaries of this type.
void make_tiled_map(CUtensorMap& map, const Tensor& tensor, const std::vector<int>& box,
                    CUtensorMapSwizzle swizzle) {
  static auto* const encode = driver_function<CUresult(
      CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*, const cuuint64_t*,
      const cuuint32_t*, const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle,
      CUtensorMapL2promotion, CUtensorMapFloatOOBfill)>("cuTensorMapEncodeTiled");
  const std::vector<cuuint32_t> extents(box.begin(), box.end()), steps(box.size(), 1);
  encoded(encode(&map, map_type(tensor.dtype), static_cast<cuuint32_t>(tensor.dims.size()),
                 tensor.address, tensor.dims.data(), tensor.strides().data(), extents.data(),
                 steps.data(), CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle,
                 CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE));
}

void make_im2col_map(CUtensorMap& map, const Tensor& x, const ConvProblem& p, int pixels) {
  static auto* const encode = driver_function<CUresult(
      CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*, const cuuint64_t*,
      const int*, const int*, cuuint32_t, cuuint32_t, const cuuint32_t*, CUtensorMapInterleave,
      CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill)>(
      "cuTensorMapEncodeIm2col");
  const int lower[] = {-p.pad.left, -p.pad.top};
  const int upper[] = {p.pad.right - (p.s - 1) * p.dilation.w,
                       p.pad.bottom - (p.r - 1) * p.dilation.h};
  const cuuint32_t steps[] = {1, static_cast<cuuint32_t>(p.stride.w),
                              static_cast<cuuint32_t>(p.stride.h), 1};
  encoded(encode(&map, map_type(x.dtype), 4, x.address, x.dims.data(), x.strides().data(), lower,
                 upper, kSliceWidth, static_cast<cuuint32_t>(pixels), steps,
                 CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                 CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE));
}

CUtensorMapSwizzle swizzle_of_row(int bytes) {
  return bytes == 128  ? CU_TENSOR_MAP_SWIZZLE_128B
         : bytes == 64 ? CU_TENSOR_MAP_SWIZZLE_64B
         : bytes == 32 ? CU_TENSOR_MAP_SWIZZLE_32B
                       : CU_TENSOR_MAP_SWIZZLE_NONE;
}

// KCRS -> [k][row], in the canonical order of K for 64 channels or more: slices of 64, taps, channels.
std::vector<float> packed(const ConvProblem& p, const std::vector<float>& kcrs) {
  const int channels = p.c / p.groups, taps = p.r * p.s, slices = (channels + 63) / 64;
  std::vector<float> rows;
  for (int k = 0; k < p.k; ++k) {
    for (int slice = 0; slice < slices; ++slice) {
      for (int tap = 0; tap < taps; ++tap) {
        for (int c = slice * 64; c < slice * 64 + 64; ++c) {
          const std::size_t from = (static_cast<std::size_t>(k) * channels + c) * taps + tap;
          rows.push_back(c < channels ? kcrs[from] : 0);
        }
      }
    }
  }
  return rows;
}

oracle::ConvInputs made(const ConvProblem& problem, bool integers) {
  const oracle::RawConv raw = oracle::make_raw(problem, {.integers = integers, .seed = 17});
  const auto stored = oracle::decode(problem.dtype, oracle::encode(problem.dtype, raw.weights));
  return {raw.x, stored, raw.gamma, raw.beta, raw.residual};
}

std::span<const std::byte> bytes_of(const std::vector<float>& values) {
  return std::as_bytes(std::span(values));
}

FastDivision by(int divisor) {
  return FastDivision(static_cast<std::uint32_t>(divisor));
}
int rounded_up(int a, int b) {
  return (a + b - 1) / b;
}

}  // namespace

const std::vector<Sm90Kernel>& sm90_kernels() {
  static const std::vector<Sm90Kernel> kernels = {
#define FOLDCONV_SM90_KERNEL(dtype, tile, ...)                         \
  {"conv_sm90_" #dtype "_" #tile, DataType::dtype, tiles::tile::value, \
   kernels::conv_sm90_##dtype##_##tile()},
#include "catalog.inc"
  };
  return kernels;
}

const Sm90Kernel& sm90_kernel(std::string_view name) {
  for (const Sm90Kernel& kernel : sm90_kernels()) {
    if (kernel.name == name) return kernel;
  }
  throw std::runtime_error("no kernel " + std::string(name));
}

bool has_wgmma() {
  int major = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), "device");
  return major == 9;
}

Sm90Conv::Sm90Conv(const ConvProblem& problem, bool integers, Guards guards)
    : Sm90Conv(problem, made(problem, integers), guards) {}

Sm90Conv::Sm90Conv(const ConvProblem& problem, oracle::ConvInputs inputs, Guards guards)
    : problem_(problem),
      y_shape_(oracle::output_shape(problem)),
      inputs_(std::move(inputs)),
      x_(problem.dtype, problem.input(), host::x_pitch(problem),
         oracle::encode(problem.dtype, inputs_.x), guards),
      w_(oracle::encode(problem.dtype, packed(problem, inputs_.weights)), guards),
      scale_(bytes_of(inputs_.scale), guards),
      bias_(bytes_of(inputs_.bias), guards),
      residual_(problem.dtype, problem.residual ? y_shape_ : Shape{0, 0, 0, problem.k},
                host::residual_pitch(problem), oracle::encode(problem.dtype, inputs_.residual),
                guards),
      y_(problem.dtype, y_shape_, host::y_pitch(problem), guards) {}

ConvSm90Params Sm90Conv::params(const Sm90Kernel& kernel, const Sm90Launch& launch) const {
  const ConvProblem& c = problem_;
  const Sm90Tile& tile = kernel.tile;
  const Multicast multicast = launch.multicast;
  const auto size = [](int extent) { return static_cast<cuuint64_t>(extent); };
  ConvSm90Params p = {};
  p.m = y_shape_.n * y_shape_.h * y_shape_.w;
  p.c_per_group = c.c / c.groups;
  p.k_per_group = c.k / c.groups;

  const Padding& pad = c.pad;
  const bool is_matrix = c.r == 1 && c.s == 1 && c.stride.h == 1 && c.stride.w == 1 &&
                         pad.top == 0 && pad.bottom == 0 && pad.left == 0 && pad.right == 0;
  if (is_matrix && !launch.force_im2col) {
    p.loader = Sm90Loader::unit;
    make_tiled_map(p.x, {c.dtype, x_.data(), {size(c.c), size(p.m)}, 1, size(host::x_pitch(c))},
                   {kSliceWidth, tile.x_box_rows(multicast)}, CU_TENSOR_MAP_SWIZZLE_128B);
  } else {
    p.loader = Sm90Loader::im2col;
    make_im2col_map(p.x,
                    {c.dtype,
                     x_.data(),
                     {size(c.c), size(c.w), size(c.h), size(c.n)},
                     1,
                     size(host::x_pitch(c))},
                    c, tile.x_box_rows(multicast));
  }
  p.slices = rounded_up(p.c_per_group, kSliceWidth);
  make_tiled_map(p.w,
                 {c.dtype,
                  w_.data(),
                  {size(p.slices * c.r * c.s * kSliceWidth), size(c.k)},
                  1,
                  size(p.slices * c.r * c.s * kSliceWidth)},
                 {kSliceWidth, tile.w_box_rows(multicast)}, CU_TENSOR_MAP_SWIZZLE_128B);
  const auto make_y_map = [&](CUtensorMap& map, const PitchedTensor& tensor, int pitch) {
    make_tiled_map(
        map,
        {c.dtype, tensor.data(), {size(p.k_per_group), size(c.groups), size(p.m)}, 2, size(pitch)},
        {tile.panel_width(), 1, Sm90Tile::kBoxRows}, swizzle_of_row(tile.panel_width() * 2));
  };
  make_y_map(p.y, y_, host::y_pitch(c));
  p.residual = p.y;
  if (c.residual) make_y_map(p.residual, residual_, host::residual_pitch(c));

  p.scale = static_cast<const float*>(scale_.data());
  p.bias = static_cast<const float*>(bias_.data());
  p.activation = host::activation_params(c.activation);
  p.has_residual = c.residual ? 1 : 0;
  p.multicast = multicast;
  p.r = c.r, p.s = c.s;
  p.stride_h = c.stride.h, p.stride_w = c.stride.w;
  p.pad_top = pad.top, p.pad_left = pad.left;
  p.dilation_h = c.dilation.h, p.dilation_w = c.dilation.w;
  const int rows = tile.block_m * (multicast == Multicast::weights ? 2 : 1);
  const int columns = tile.block_n * (multicast == Multicast::pixels ? 2 : 1);
  const int unit_columns = rounded_up(p.k_per_group, columns);
  p.units = rounded_up(p.m, rows) * unit_columns * c.groups;
  p.per_image = by(y_shape_.h * y_shape_.w);
  p.per_row = by(y_shape_.w);
  p.unit_columns = by(unit_columns * c.groups);
  p.unit_columns_group = by(unit_columns);
  return p;
}

std::vector<float> Sm90Conv::run(const Sm90Kernel& kernel, const Sm90Launch& launch) const {
  ConvSm90Params p = params(kernel, launch);
  y_.whole().poison();
  const auto cluster = launch.multicast == Multicast::none ? 1u : 2u;
  const int shared = kernel.tile.shared_bytes();
  check(cudaFuncSetAttribute(kernel.entry, cudaFuncAttributeMaxDynamicSharedMemorySize, shared),
        "shared memory");
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {cluster, 1, 1};
  cudaLaunchConfig_t config = {};
  config.gridDim =
      dim3(static_cast<unsigned int>(std::min(p.units, launch.most_clusters)) * cluster);
  config.blockDim = dim3(static_cast<unsigned int>(kernel.tile.threads()));
  config.dynamicSmemBytes = static_cast<std::size_t>(shared);
  config.attrs = &attribute;
  config.numAttrs = cluster > 1 ? 1 : 0;
  void* arguments[] = {&p};
  check(cudaLaunchKernelExC(&config, kernel.entry, arguments), "launch");
  check(cudaDeviceSynchronize(), "run");
  return oracle::decode(problem_.dtype, y_.download());
}

}  // namespace foldconv::kernel_tests
