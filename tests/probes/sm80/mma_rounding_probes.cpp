// SPDX-License-Identifier: MIT
// How mma sums and rounds: a word (fp32 bits) for each dot product of dot_products.cpp.
#include "probe/dot_products.hpp"
#include "sm80/mma_tiles.hpp"
#include "sm80/probes.hpp"

namespace foldconv::probes {
namespace {

// Eight to an mma, on the diagonal.
Result probe_rounding(const MmaFormat& format, const std::string& family) {
  const std::vector<DotProduct> products = dot_products(family, format.number);
  const int count = static_cast<int>(products.size());
  MmaTiles tiles(format, (count + 7) / 8);
  for (int i = 0; i < count; ++i) {
    const DotProduct& product = products[static_cast<std::size_t>(i)];
    for (int k = 0; k < k_of(format.number); ++k) {
      tiles.set_a(i / 8, i % 8, k, product.a[static_cast<std::size_t>(k)]);
      tiles.set_b(i / 8, k, i % 8, product.b[static_cast<std::size_t>(k)]);
    }
    tiles.set_c(i / 8, i % 8, i % 8, product.c);
  }
  tiles.run();
  Result result;
  for (int i = 0; i < count; ++i) result.words.push_back(tiles.d(i / 8, i % 8, i % 8));
  return result;
}

}  // namespace

void add_mma_rounding_probes(std::vector<Probe>& probes) {
  for (const MmaFormat& format : mma_formats()) {
    if (format.type == MmaType::s8) continue;  // sums of integers are exact
    for (const std::string& family : dot_product_families()) {
      probes.push_back({"mma_rounding", "mma_rounding_" + format.number.name + "_" + family,
                        Kind::tensor_core_rounding, Needs::any_gpu,
                        [&format, family] { return probe_rounding(format, family); }});
    }
  }
}

}  // namespace foldconv::probes
