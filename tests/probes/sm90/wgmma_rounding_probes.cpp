// SPDX-License-Identifier: MIT
// How wgmma sums and rounds: a word (fp32 bits) for each dot product of dot_products.cpp. The words of
// wgmma_rounding_SOURCE_TYPE_random, _random_nN and _random_nN_exchanged are the same where sums depend neither on N, nor
// on row and column, nor on which operand is A.
#include "probe/dot_products.hpp"
#include "sm90/probes.hpp"
#include "sm90/wgmma_run.hpp"

namespace foldconv::probes {
namespace {

// Where the dot products of an instruction stand in D, eight to an instruction.
enum class At { diagonal, apart };  // apart: in rows of all four warps, in columns all over N
int row_of(At at, int i) {
  return at == At::diagonal ? i : (11 * i + 3) % 64;
}
int column_of(At at, int i, int n) {
  return at == At::diagonal ? i : ((n / 8 + 1) * i + 5) % n;
}

struct Rounding {
  std::string family;
  At at = At::diagonal;
  bool exchanged = false;  // each product's a in B, and its b in A
};

Result probe_rounding(const WgmmaKey& key, const Rounding& rounding) {
  const NumberFormat& format = number_format(key.type);
  const std::vector<DotProduct> products = dot_products(rounding.family, format);
  Result result;
  for (std::size_t first = 0; first < products.size(); first += 8) {
    WgmmaInput input;
    input.a = dense_layout(Major::k, 0, 64, 1, 0, format);
    input.b = dense_layout(Major::k, 0, key.n, 1, 32 * 1024, format);
    input.c = Matrix(64, key.n);
    Matrix a(64, k_of(format));
    const int count = static_cast<int>(std::min<std::size_t>(8, products.size() - first));
    for (int i = 0; i < count; ++i) {
      const DotProduct& product = products[first + static_cast<std::size_t>(i)];
      const auto& in_a = rounding.exchanged ? product.b : product.a;
      const auto& in_b = rounding.exchanged ? product.a : product.b;
      const int row = row_of(rounding.at, i), column = column_of(rounding.at, i, key.n);
      for (int k = 0; k < k_of(format); ++k) {
        const std::uint32_t element = in_a[static_cast<std::size_t>(k)];
        a.at(row, k) = element;
        input.image.set(input.a.offset(row, k, format), element, format);
        input.image.set(input.b.offset(column, k, format), in_b[static_cast<std::size_t>(k)],
                        format);
      }
      input.c->at(row, column) = product.c;
    }
    if (key.source == WgmmaSource::rs) input.a_registers = std::move(a);
    const WgmmaOutput output = run_wgmma(key, input);
    for (int i = 0; i < count; ++i) {
      result.words.push_back(output.d.at(row_of(rounding.at, i), column_of(rounding.at, i, key.n)));
    }
  }
  return result;
}

}  // namespace

void add_wgmma_rounding_probes(std::vector<Probe>& probes) {
  for (const WgmmaKey& key : wgmma_keys()) {
    const bool integer = key.type == WgmmaType::s8;
    if (key.trans_a != 0 || key.trans_b != 0 || integer) continue;
    const std::string source = key.source == WgmmaSource::ss ? "ss_" : "rs_";
    const std::string name = "wgmma_rounding_" + source + number_format(key.type).name;
    const auto add = [&](const std::string& suffix, const Rounding& rounding) {
      probes.push_back({"wgmma_rounding", name + "_" + rounding.family + suffix,
                        Kind::tensor_core_rounding, Needs::sm90,
                        [key, rounding] { return probe_rounding(key, rounding); }});
    };
    if (key.n == 8) {
      for (const std::string& family : dot_product_families()) {
        // A's source matters little: all families from registers, and one from shared memory to see
        // that.
        if (key.source == WgmmaSource::ss && family != "random") continue;
        add("", {family});
      }
    }
    const bool half = key.type == WgmmaType::f16 || key.type == WgmmaType::bf16;
    if (half && (key.n == 64 || key.n == 128 || key.n == 256)) {
      const std::string suffix = "_n" + std::to_string(key.n);
      add(suffix, {"random", At::apart});
      add(suffix + "_exchanged", {"random", At::apart, true});
    }
  }
}

}  // namespace foldconv::probes
