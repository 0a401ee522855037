// SPDX-License-Identifier: MIT
// What holds in every catalog, whichever tiles are compiled: a tile that is added, removed or moved changes choices, and none
// of these tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "host/catalog/choosing.hpp"

namespace foldconv::test {

struct NamedCatalog {
  const char* name;
  std::function<Kernels()> kernels;
};
inline std::ostream& operator<<(std::ostream& out, const NamedCatalog& catalog) {
  return out << catalog.name;
}

inline Kernels compiled_kernels() {
  return {host::conv_kernels().begin(), host::conv_kernels().end()};
}

inline bool same_family(const host::ConvKernel& a, const host::ConvKernel& b) {
  return a.dtype == b.dtype && a.loader == b.loader && (a.tile == nullptr) == (b.tile == nullptr) &&
         (a.depthwise == nullptr) == (b.depthwise == nullptr) &&
         (a.grouped == nullptr) == (b.grouped == nullptr) &&
         (a.grouped == nullptr || a.grouped->granule == b.grouped->granule);
}

// The first kernel of each loader, family and data type, the direct ones left out.
inline Kernels first_kernels() {
  Kernels firsts;
  for (const host::ConvKernel& kernel : host::conv_kernels()) {
    const auto known = [&](const host::ConvKernel& first) { return same_family(first, kernel); };
    if (!kernel.direct() && std::ranges::none_of(firsts, known)) firsts.push_back(kernel);
  }
  return firsts;
}

// Each with tiles that it has not: one below the others, one between, one above. By turns the first and the last lines.
inline Kernels more_tiles() {
  static constexpr ConvTile kTiles[] = {
      {16, 32, 1, 1, 8, 8}, {192, 64, 4, 1, 3, 2}, {512, 128, 8, 2, 2, 1}};
  static constexpr GroupedTile kGroupedTiles[] = {
      {1, 6, 2, 8, 4}, {2, 2, 4, 8, 4}, {1, 8, 2, 8, 2}};
  static constexpr GroupedTile kQuads[] = {{2, 2, 4, 4, 4}, {2, 4, 2, 4, 2}, {2, 1, 8, 4, 2}};
  static constexpr DepthwiseTile kDepthwiseTiles[] = {{1}, {7}, {9}};
  static std::deque<std::string> names;
  Kernels kernels = compiled_kernels();
  for (const host::ConvKernel& first : first_kernels()) {
    const std::string name = first.name, type = std::string("_") + to_string(first.dtype) + "_";
    const std::string family = name.substr(0, name.find(type) + type.size());
    for (std::size_t i = 0; i < std::size(kTiles); ++i) {
      host::ConvKernel more = first;
      names.push_back(family + "new_" + std::to_string(i));
      more.name = names.back().c_str();
      more.entry = nullptr;
      if (more.tile != nullptr) more.tile = &kTiles[i];
      if (more.grouped != nullptr)
        more.grouped = more.grouped->granule == 4 ? &kQuads[i] : &kGroupedTiles[i];
      if (more.depthwise != nullptr) more.depthwise = &kDepthwiseTiles[i];
      kernels.insert(i % 2 == 0 ? kernels.begin() : kernels.end(), more);
    }
  }
  return kernels;
}

// Without the first tile of each that has several.
inline Kernels fewer_tiles() {
  Kernels kernels = compiled_kernels();
  for (const host::ConvKernel& first : first_kernels()) {
    const auto family = [&](const host::ConvKernel& kernel) { return same_family(kernel, first); };
    if (first.depthwise == nullptr && std::ranges::count_if(kernels, family) > 1)
      kernels.erase(std::ranges::find_if(kernels, family));
  }
  return kernels;
}

inline Kernels reversed_lines() {
  Kernels kernels = compiled_kernels();
  std::ranges::reverse(kernels);
  return kernels;
}

class EveryCatalog : public testing::TestWithParam<NamedCatalog> {
 protected:
  void SetUp() override { catalog() = GetParam().kernels(); }
  void TearDown() override { catalog() = compiled_kernels(); }

  // The first of these, by the lines of the catalog.
  static const host::ConvKernel& first_of(ConvLoader loader, DataType dtype = DataType::f16) {
    return *std::ranges::find_if(catalog(), [&](const host::ConvKernel& kernel) {
      return kernel.tile != nullptr && kernel.loader == loader && kernel.dtype == dtype;
    });
  }
  static const host::ConvKernel& named(const std::string& name) {
    return *std::ranges::find_if(
        catalog(), [&](const host::ConvKernel& kernel) { return kernel.name == name; });
  }
};

inline auto every_catalog() {
  return testing::Values(
      NamedCatalog{"compiled", compiled_kernels}, NamedCatalog{"more_tiles", more_tiles},
      NamedCatalog{"fewer_tiles", fewer_tiles}, NamedCatalog{"reversed_lines", reversed_lines});
}
inline constexpr auto kCatalogName = [](const auto& info) { return std::string(info.param.name); };

}  // namespace foldconv::test
