// The compiled kernels, as arrays to parametrise tests with. Every line of catalog.inc is in one.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "foldconv/tensor.hpp"
#include "tile/conv_tile.hpp"

namespace foldconv::kernel_tests {

struct ConvKernel {
  std::string_view name;
  ConvLoader loader;
  DataType dtype;
  ConvTile tile;
};

struct DirectKernel {
  std::string_view name;
  DataType dtype;
};

inline constexpr ConvKernel kConvKernels[] = {
#define FOLDCONV_CONV_KERNEL(name, loader, dtype, tile, arch) \
  {#name, ConvLoader::load_##loader, DataType::dtype, tiles::tile::value},
#include "catalog.inc"
};

inline constexpr DirectKernel kDirectKernels[] = {
#define FOLDCONV_DIRECT_KERNEL(name, dtype, arch) {#name, DataType::dtype},
#include "catalog.inc"
};

// For gtest's messages and test names.
inline std::ostream& operator<<(std::ostream& out, const ConvKernel& kernel) {
  return out << kernel.name;
}
inline std::ostream& operator<<(std::ostream& out, const DirectKernel& kernel) {
  return out << kernel.name;
}
inline constexpr auto kKernelName = [](const auto& info_of_test) {
  return std::string(info_of_test.param.name);
};

}  // namespace foldconv::kernel_tests
