// SPDX-License-Identifier: MIT
#include "probe/dot_products.hpp"

#include <bit>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "probe/fragments.hpp"

namespace foldconv::probes {
namespace {

std::uint32_t float_bits(double value) {
  return std::bit_cast<std::uint32_t>(static_cast<float>(value));
}

class Cases {
 public:
  explicit Cases(const NumberFormat& format) : format_(format), k_(k_of(format)) {}

  struct Term {
    int k;
    double a, b;
  };
  // All other products are +0 * +0.
  DotProduct& add(double c, std::initializer_list<Term> terms) {
    DotProduct product = zeros();
    product.c = float_bits(c);
    for (const Term& term : terms) set(product, term);
    products_.push_back(product);
    return products_.back();
  }
  void set(DotProduct& product, const Term& term) const {
    product.a[static_cast<std::size_t>(term.k)] = encode(term.a, format_);
    product.b[static_cast<std::size_t>(term.k)] = encode(term.b, format_);
  }
  DotProduct zeros() const {
    const auto count = static_cast<std::size_t>(k_);
    return {Words(count), Words(count), 0};
  }
  // 2^exponent as a product of two numbers of the format, as far as its range goes.
  Term power(int k, int exponent, double sign = 1) const {
    const int limit = 1 - format_.bias;  // of normal numbers
    const int first = std::max(limit, exponent / 2);
    return {k, sign * std::ldexp(1, first), std::ldexp(1, exponent - first)};
  }
  int smallest_power() const { return 2 * (1 - format_.bias - format_.mantissa_bits); }

  int k() const { return k_; }
  const NumberFormat& format() const { return format_; }
  std::vector<DotProduct> products_;

 private:
  const NumberFormat& format_;
  int k_;
};

void kept_bits(Cases& cases) {
  const int k = cases.k();
  const int last = std::max(cases.smallest_power(), -46);
  for (const auto& [p, q, r] :
       {std::tuple{0, 1, 2}, {0, 2, 1}, {0, k / 2, k - 1}, {k - 1, k / 2, 0}, {1, k - 1, 2}}) {
    for (int exponent = -8; exponent >= last; --exponent) {
      cases.add(0, {cases.power(p, 0), cases.power(q, 0, -1), cases.power(r, exponent)});
    }
  }
  // The accumulator as the large term, and as the small one.
  for (int exponent = -8; exponent >= last; --exponent) {
    cases.add(1, {cases.power(0, 0, -1), cases.power(1, exponent)});
    cases.add(std::ldexp(1, exponent), {cases.power(0, 0), cases.power(1, 0, -1)});
    cases.add(1, {cases.power(0, exponent), cases.power(1, exponent), cases.power(2, 0, -1)});
  }
}

void accumulator(Cases& cases) {
  for (const int count : {1, 2, 3, 4, 8}) {
    for (int exponent = -28; exponent <= -20; ++exponent) {
      if (exponent < cases.smallest_power()) continue;
      for (const double c : {1.0, -1.0, 1 + 0x1p-23}) {
        DotProduct& product = cases.add(c, {});
        for (int k = 0; k < std::min(count, cases.k()); ++k) {
          cases.set(product,
                    cases.power(k * cases.k() / std::min(8, cases.k()) % cases.k(), exponent));
        }
      }
    }
  }
  for (int count = 1; count <= cases.k(); ++count) {
    for (const double c : {0x1p24, -0x1p24, 0x1p24 + 2, 0x1p25}) {
      DotProduct& product = cases.add(c, {});
      for (int k = 0; k < count; ++k) cases.set(product, {k, 1, 1});
    }
  }
}

// c + x where x is a fraction of the last bit of c.
void rounding(Cases& cases) {
  for (const double c : {1.0, 1 + 0x1p-23, 1 + 0x1p-22, 2 - 0x1p-23}) {
    for (const double eighths : {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 12.0}) {
      for (const double sign : {1.0, -1.0}) {
        for (const double other : {1.0, -1.0}) {
          const double a = other * eighths * 0x1p-4;  // exact in every format
          // 2^-22 as a factor is below e4m3's range: there the case has less to say.
          DotProduct& product = cases.add(sign * c, {});
          if (cases.format().bias > 7) {
            cases.set(product, {0, a * 0x1p-10, 0x1p-12});
          } else {
            cases.set(product, {0, a * 0x1p-4, 0x1p-6});
            cases.set(product, {1, -a * 0x1p-4, 0x1p-6});
            cases.set(product, {2, a * 0x1p-2, 0x1p-6});
          }
        }
      }
    }
  }
}

void order(Cases& cases) {
  // Far enough below `big` that a sum which holds both drops it.
  const int big = cases.format().bias > 15 ? 60 : cases.format().bias > 7 ? 28 : 15;
  const int small = cases.format().bias > 15 ? 0 : cases.format().bias > 7 ? -10 : -14;
  for (int p = 0; p < cases.k(); ++p) {
    for (int q = p + 1; q < cases.k(); ++q) {
      for (const int r : {0, cases.k() / 2 - 1, cases.k() - 1}) {
        if (r == p || r == q) continue;
        cases.add(0, {cases.power(p, big), cases.power(q, big, -1), cases.power(r, small)});
      }
    }
    cases.add(std::ldexp(-1, big), {cases.power(p, big), cases.power((p + 1) % cases.k(), small)});
    cases.add(std::ldexp(1, small),
              {cases.power(p, big), cases.power((p + 1) % cases.k(), big, -1)});
  }
}

void subnormals(Cases& cases) {
  const NumberFormat& f = cases.format();
  const int mantissa_unit = 1 - f.bias - f.mantissa_bits;  // of the smallest subnormal
  for (const int extra : {0, 1, 2}) {
    const double tiny = std::ldexp(1, mantissa_unit + extra);
    cases.add(0, {{0, tiny, 1}});
    cases.add(0, {{0, tiny, 1}, {1, tiny, 1}, {2, -tiny, 0.5}});
    cases.add(0, {{0, tiny, tiny}});
    cases.add(0, {{0, tiny * 3, 2}, {1, 1, -tiny}});
    cases.add(1, {{0, tiny, 1}});
  }
  // fp32: sums and accumulators below its smallest normal number.
  for (const double c : {0x1p-149, -0x1p-149, 0x1p-127, 0x1p-126 - 0x1p-149, 0x1p-126}) {
    cases.add(c, {});
    cases.add(c, {{0, 1, 0}});
    if (f.bias < 127) continue;
    cases.add(c, {{0, 0x1p-75, 0x1p-74}});
    cases.add(c, {{0, 0x1p-75, 0x1p-74}, {1, -0x1p-75, 0x1p-74}});
    cases.add(c, {{0, 0x1p-75, 0x1p-75}, {1, 0x1p-75, 0x1p-75}});
    cases.add(c, {{0, -0x1p-63, 0x1p-63}});
  }
}

void signs(Cases& cases) {
  for (const double c : {0.0, -0.0}) {
    for (const double a : {0.0, -0.0, 1.0, -1.0}) {
      for (const double b : {0.0, -0.0, 1.0}) {
        DotProduct& all = cases.add(c, {});  // every product the same zero, or one
        for (int k = 0; k < cases.k(); ++k) cases.set(all, {k, a, b});
        cases.add(c, {{0, a, b}, {1, -a, b}});
        cases.add(c, {{0, a, b}});
      }
    }
  }
  for (const double c : {1.0, -1.0}) cases.add(c, {{3, -c, 1}});
}

void special(Cases& cases) {
  const NumberFormat& f = cases.format();
  const double infinity = HUGE_VAL;
  const double largest =
      f.has_infinity ? std::ldexp(2 - std::ldexp(1, -f.mantissa_bits), f.bias) : 448;
  for (const double c : {0.0, 1.0, infinity, -infinity}) {
    for (const double b : {0.0, 1.0, -1.0, infinity}) {
      for (const double a : {1.0, infinity, -infinity}) cases.add(c, {{2, a, b}});
    }
    cases.add(c, {{0, infinity, 1}, {5, -infinity, 1}});
    cases.add(c, {{0, infinity, 1}, {5, 1, infinity}});
    // Overflow of a sum, and of an intermediate sum alone.
    cases.add(c, {{0, largest, largest}, {1, largest, largest}, {2, largest, largest}});
    cases.add(c, {{0, largest, largest}, {1, largest, largest}, {2, -largest, largest}});
    cases.add(c, {{0, largest, largest}, {1, -largest, largest}, {5, largest, largest}});
    cases.add(c == 1 ? 0x1.fffffep127 : c, {{0, largest, largest}, {1, -largest, largest}});
    cases.add(c == 1 ? -0x1.fffffep127 : c, {{0, largest, largest}, {4, 1, 1}});
  }
  // NaNs: where they come from, and what is left of their payload.
  const std::uint32_t quiet = quiet_nan(f);
  const std::uint32_t sign = f.bits == 32 ? 0x80000000u : 1u << (f.bits - 1);
  std::vector<std::uint32_t> nans = {quiet, quiet | sign};
  if (f.has_infinity) {
    const std::uint32_t low = f.bits == 32 ? 1u << 13 : 1;
    const std::uint32_t quiet_bit = f.bits == 32 ? 1u << 22 : 1u << (f.mantissa_bits - 1);
    nans.insert(nans.end(), {quiet | low, (quiet & ~quiet_bit) | low, (quiet | sign | low) + low});
  }
  for (const std::uint32_t nan : nans) {
    for (const int k : {0, cases.k() - 1}) {
      DotProduct& in_a = cases.add(1, {{k, 1, 1}});
      in_a.a[static_cast<std::size_t>(k)] = nan;
      DotProduct& in_b = cases.add(1, {{k, 1, 0}});
      in_b.b[static_cast<std::size_t>(k)] = nan;
    }
  }
  for (const std::uint32_t nan :
       {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0x7fc12345u, 0xff812345u}) {
    cases.add(0, {{0, 1, 1}}).c = nan;
    cases.add(0, {}).c = nan;
  }
  // tf32: bits of the operand below what tf32 keeps.
  if (f.bits == 32) {
    for (const std::uint32_t low : {1u, 0x0fffu, 0x1000u, 0x1001u, 0x1fffu, 0x3000u}) {
      DotProduct& product = cases.add(0, {{0, 1, 1}});
      product.a[0] |= low;
      DotProduct& other = cases.add(0, {{0, 1, 1}});
      other.b[0] |= low | 0x80000000u;
    }
    cases.add(0, {{0, 1, 1}}).a[0] = 0x7f800001;  // a NaN in the dropped bits only
  }
}

void random_numbers(Cases& cases) {
  const NumberFormat& f = cases.format();
  Random random(4);
  const auto number = [&](int spread) {
    const double mantissa =
        1 + std::ldexp(random.between(0, (1 << f.mantissa_bits) - 1), -f.mantissa_bits);
    return (random.between(0, 1) == 0 ? 1 : -1) *
           std::ldexp(mantissa, random.between(-spread, spread));
  };
  for (int i = 0; i < 768; ++i) {
    const int spread = i % 3 == 0 ? 0 : i % 3 == 1 ? 3 : std::min(f.bias - 2, 10);
    DotProduct& product = cases.add(i % 4 == 0 ? 0 : number(spread) * number(spread), {});
    for (int k = 0; k < cases.k(); ++k) cases.set(product, {k, number(spread), number(spread)});
    if (i % 4 == 3)
      product.c ^= static_cast<std::uint32_t>(random.next() & 0xffff);  // a full mantissa
  }
}

struct Family {
  std::string name;
  void (*fill)(Cases&);
};

const std::vector<Family>& families() {
  static const std::vector<Family> list = {
      {"kept_bits", kept_bits}, {"accumulator", accumulator}, {"rounding", rounding},
      {"order", order},         {"subnormals", subnormals},   {"signs", signs},
      {"special", special},     {"random", random_numbers},
  };
  return list;
}

}  // namespace

const std::vector<std::string>& dot_product_families() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const Family& family : families()) result.push_back(family.name);
    return result;
  }();
  return names;
}

std::vector<DotProduct> dot_products(const std::string& family, const NumberFormat& format) {
  Cases cases(format);
  for (const Family& candidate : families()) {
    if (candidate.name == family) candidate.fill(cases);
  }
  return std::move(cases.products_);
}

}  // namespace foldconv::probes
