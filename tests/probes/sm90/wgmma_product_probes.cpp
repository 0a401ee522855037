// SPDX-License-Identifier: MIT
// Whole products of small integers, over as many instructions along K as a row of the swizzle
// holds.
//
// wgmma_*: word 0 is the number of elements of D that are not the product computed on the host,
// words 1 and 2 the FNV-1a hash of D (64 x N, by rows); D itself follows where word 0 is not 0. So
// a correct product is known in full. wgmma_timing_*: no words but the number of instructions;
// timing.cycles is for all of them.
#include <bit>

#include "sm90/probes.hpp"
#include "sm90/wgmma_run.hpp"

namespace foldconv::probes {
namespace {

constexpr std::uint32_t kBStart = 24 * 1024;

std::uint32_t encode_sum(int value, const NumberFormat& operands) {
  return operands.mantissa_bits < 0 ? static_cast<std::uint32_t>(value)
                                    : std::bit_cast<std::uint32_t>(static_cast<float>(value));
}

struct Integers {
  int rows, columns;
  std::vector<int> values;
  int at(int row, int column) const {
    return values[static_cast<std::size_t>(row * columns + column)];
  }
};

Integers random_integers(int rows, int columns, Random& random) {
  Integers m{rows, columns, {}};
  for (int i = 0; i < rows * columns; ++i) m.values.push_back(random.between(-7, 7));
  return m;
}

Result judge(const Matrix& d, const Matrix& expected) {
  Result result;
  std::uint32_t wrong = 0;
  for (std::size_t i = 0; i < d.elements.size(); ++i) {
    wrong += d.elements[i] != expected.elements[i] ? 1 : 0;
  }
  const std::uint64_t hash = fnv64(d.elements);
  result.words = {wrong, static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(hash >> 32)};
  if (wrong != 0) result.words.insert(result.words.end(), d.elements.begin(), d.elements.end());
  result.mismatches = wrong;
  return result;
}

Result multiply(const WgmmaKey& key, std::uint32_t swizzle) {
  const NumberFormat& format = number_format(key.type);
  const int k_each = k_of(format);
  const int steps = swizzle == 0 ? 2 : static_cast<int>(swizzle) / 32;
  const Major a_major = key.trans_a != 0 ? Major::mn : Major::k;
  const Major b_major = key.trans_b != 0 ? Major::mn : Major::k;
  const WgmmaLayout a_layout = dense_layout(a_major, swizzle, 64, steps, 0, format);
  const WgmmaLayout b_layout = dense_layout(b_major, swizzle, key.n, steps, kBStart, format);
  Random random(static_cast<std::uint64_t>(key.n));
  const Integers a = random_integers(64, k_each * steps, random);
  const Integers b = random_integers(key.n, k_each * steps, random);

  WgmmaInput input;
  const auto place = [&](const Integers& m, const WgmmaLayout& layout) {
    for (int line = 0; line < m.rows; ++line) {
      for (int k = 0; k < m.columns; ++k) {
        const std::uint32_t offset = advance(layout, k / k_each).offset(line, k % k_each, format);
        input.image.set(offset, encode(m.at(line, k), format), format);
      }
    }
  };
  if (key.source == WgmmaSource::ss) place(a, a_layout);
  place(b, b_layout);

  std::uint64_t cycles = 0;
  for (int step = 0; step < steps; ++step) {
    input.a = advance(a_layout, step);
    input.b = advance(b_layout, step);
    if (key.source == WgmmaSource::rs) {
      input.a_registers = Matrix(64, k_each);
      for (int m = 0; m < 64; ++m) {
        for (int k = 0; k < k_each; ++k) {
          input.a_registers->at(m, k) = encode(a.at(m, step * k_each + k), format);
        }
      }
    }
    WgmmaOutput output = run_wgmma(key, input);
    cycles = output.cycles;
    input.c = std::move(output.d);
  }
  Matrix expected(64, key.n);
  for (int m = 0; m < 64; ++m) {
    for (int n = 0; n < key.n; ++n) {
      int sum = 0;
      for (int k = 0; k < a.columns; ++k) sum += a.at(m, k) * b.at(n, k);
      expected.at(m, n) = encode_sum(sum, format);
    }
  }
  Result result = judge(*input.c, expected);
  result.cycles = cycles;
  return result;
}

// imm-scale-a or -b of -1, with an accumulator: D = C - A * B.
Result multiply_negated(WgmmaType type) {
  const WgmmaKey key{type, 8, WgmmaSource::ss, 0, 0, 1};
  WgmmaInput input;
  input.a = dense_layout(Major::k, 0, 64, 1, 0, kF16);
  input.b = dense_layout(Major::k, 0, 8, 1, kBStart, kF16);
  Random random(9);
  const Integers a = random_integers(64, 16, random), b = random_integers(8, 16, random);
  input.c = Matrix(64, 8);
  Matrix expected(64, 8);
  for (int k = 0; k < 16; ++k) {
    for (int m = 0; m < 64; ++m)
      input.image.set(input.a.offset(m, k, kF16), encode(a.at(m, k), kF16), kF16);
    for (int n = 0; n < 8; ++n)
      input.image.set(input.b.offset(n, k, kF16), encode(b.at(n, k), kF16), kF16);
  }
  for (int m = 0; m < 64; ++m) {
    for (int n = 0; n < 8; ++n) {
      int sum = m - n;
      input.c->at(m, n) = encode_sum(sum, kF16);
      for (int k = 0; k < 16; ++k) sum -= a.at(m, k) * b.at(n, k);
      expected.at(m, n) = encode_sum(sum, kF16);
    }
  }
  return judge(run_wgmma(key, input).d, expected);
}

// Zeros times zeros; the first run loads the code, the second counts.
Result time_wgmma(const WgmmaKey& key) {
  const NumberFormat& format = number_format(key.type);
  WgmmaInput input;
  input.a = dense_layout(Major::k, 128, 64, 1, 0, format);
  input.b = dense_layout(Major::k, 128, key.n, 1, kBStart, format);
  run_wgmma(key, input);
  Result result;
  result.cycles = run_wgmma(key, input).cycles;
  result.words = {static_cast<std::uint32_t>(key.turns)};
  return result;
}

}  // namespace

void add_wgmma_product_probes(std::vector<Probe>& probes) {
  const auto add = [&](const std::string& group, const std::string& name,
                       std::function<Result()> run) {
    probes.push_back({group, name, Kind::exact, Needs::sm90, std::move(run)});
  };
  for (const WgmmaKey& key : wgmma_keys()) {
    for (const std::uint32_t swizzle : {0u, 32u, 64u, 128u}) {
      const bool a_shared = key.source == WgmmaSource::ss;
      const Major a_major = key.trans_a != 0 ? Major::mn : Major::k;
      const Major b_major = key.trans_b != 0 ? Major::mn : Major::k;
      std::string layout = describe(b_major, swizzle);
      if (a_shared && a_major != b_major) {
        layout = (a_major == Major::k ? "a_k_b_mn_swizzle" : "a_mn_b_k_swizzle") +
                 (swizzle == 0 ? std::string("_none") : std::to_string(swizzle));
      }
      add("wgmma", "wgmma_" + describe(key) + "_" + layout, [=] { return multiply(key, swizzle); });
    }
  }
  add("wgmma", "wgmma_ss_f16_n8_minus_a", [] { return multiply_negated(WgmmaType::f16_minus_a); });
  add("wgmma", "wgmma_ss_f16_n8_minus_b", [] { return multiply_negated(WgmmaType::f16_minus_b); });
  for (int i = 0; i < wgmma_count(); ++i) {
    const WgmmaKey key = wgmma_key(i);
    if (key.turns == 1) continue;
    add("wgmma_timing", "wgmma_timing_" + describe(key) + "_x" + std::to_string(key.turns),
        [key] { return time_wgmma(key); });
  }
}

}  // namespace foldconv::probes
