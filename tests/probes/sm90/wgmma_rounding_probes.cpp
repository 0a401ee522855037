// SPDX-License-Identifier: MIT
// How wgmma sums and rounds: a word (fp32 bits) for each dot product of dot_products.cpp.
#include "probe/dot_products.hpp"
#include "sm90/probes.hpp"
#include "sm90/wgmma_run.hpp"

namespace foldconv::probes {
namespace {

// Eight to an instruction, on the diagonal.
Result probe_rounding(const WgmmaKey& key, const std::string& family) {
  const NumberFormat& format = number_format(key.type);
  const std::vector<DotProduct> products = dot_products(family, format);
  Result result;
  for (std::size_t first = 0; first < products.size(); first += 8) {
    WgmmaInput input;
    input.a = dense_layout(Major::k, 0, 64, 1, 0, format);
    input.b = dense_layout(Major::k, 0, 8, 1, 32 * 1024, format);
    input.c = Matrix(64, 8);
    Matrix a(64, k_of(format));
    const std::size_t count = std::min<std::size_t>(8, products.size() - first);
    for (std::size_t i = 0; i < count; ++i) {
      const DotProduct& product = products[first + i];
      const int line = static_cast<int>(i);
      for (int k = 0; k < k_of(format); ++k) {
        const std::uint32_t element = product.a[static_cast<std::size_t>(k)];
        a.at(line, k) = element;
        input.image.set(input.a.offset(line, k, format), element, format);
        input.image.set(input.b.offset(line, k, format), product.b[static_cast<std::size_t>(k)],
                        format);
      }
      input.c->at(line, line) = product.c;
    }
    if (key.source == WgmmaSource::rs) input.a_registers = std::move(a);
    const WgmmaOutput output = run_wgmma(key, input);
    for (std::size_t i = 0; i < count; ++i) {
      result.words.push_back(output.d.at(static_cast<int>(i), static_cast<int>(i)));
    }
  }
  return result;
}

}  // namespace

void add_wgmma_rounding_probes(std::vector<Probe>& probes) {
  for (const WgmmaKey& key : wgmma_keys()) {
    const bool integer = key.type == WgmmaType::s8;
    if (key.n != 8 || key.trans_a != 0 || key.trans_b != 0 || integer) continue;
    for (const std::string& family : dot_product_families()) {
      // A's source matters little: all families from registers, and one from shared memory to see
      // that.
      if (key.source == WgmmaSource::ss && family != "random") continue;
      const std::string source = key.source == WgmmaSource::ss ? "ss_" : "rs_";
      probes.push_back({"wgmma_rounding",
                        "wgmma_rounding_" + source + number_format(key.type).name + "_" + family,
                        Kind::tensor_core_rounding, Needs::sm90,
                        [key, family] { return probe_rounding(key, family); }});
    }
  }
}

}  // namespace foldconv::probes
