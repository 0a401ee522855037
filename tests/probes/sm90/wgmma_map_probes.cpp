// SPDX-License-Identifier: MIT
// Where wgmma reads and writes, element by element: one operand is a unit matrix, the other holds
// its own places.
//
// wgmma_map_b_*: for each k, then each column: the byte of shared memory (after the 1024-byte
// boundary) that was read as B(k, column); A is in registers. 0xffffffff: not in the image.
// wgmma_map_a_*: for each row, then each k: the same of A(row, k).
// wgmma_map_registers_*: for each row, then each k: what was read as A(row, k), as
// (128 * register + thread) << 3 | position in the register.
// wgmma_map_d_*: for each thread, then each register: row << 16 | column.
// The names end in what the descriptor differs in from a dense layout. What the words ought to be
// follows wgmma_layout.cpp; "mismatches" counts where it is wrong, and the words then say what is
// right.
#include "sm90/probes.hpp"
#include "sm90/wgmma_run.hpp"

namespace foldconv::probes {
namespace {

constexpr std::uint32_t kUnknown = 0xffffffff;
// Where B's unit matrix lies when A is looked at.
constexpr std::uint32_t kUnitMatrixAt = 60 * 1024;

// A number too large for one element is told digit by digit, by one run for each.
int digit_count(std::uint32_t numbers, const NumberFormat& format) {
  int count = 1;
  for (std::uint64_t reach = static_cast<std::uint64_t>(format.digit); reach < numbers; ++count) {
    reach *= static_cast<std::uint64_t>(format.digit);
  }
  return count;
}

std::uint32_t digit(std::uint32_t number, int index, const NumberFormat& format) {
  for (int i = 0; i < index; ++i) number /= static_cast<std::uint32_t>(format.digit);
  return encode(number % static_cast<std::uint32_t>(format.digit), format);
}

// Adds the digits that D holds to the numbers; what is no digit makes the number unknown.
class Decoder {
 public:
  Decoder(std::size_t count, const NumberFormat& format) : numbers_(count), format_(format) {}
  void add(std::size_t index, std::uint32_t sum) {
    const double value = decode_sum(sum, format_);
    const bool valid = value >= 0 && value < format_.digit &&
                       value == static_cast<double>(static_cast<int>(value));
    if (!valid) numbers_[index] = kUnknown;
    if (numbers_[index] == kUnknown) return;
    numbers_[index] += static_cast<std::uint32_t>(value) * weight_;
  }
  void next_digit() { weight_ *= static_cast<std::uint32_t>(format_.digit); }
  const Words& numbers() const { return numbers_; }

 private:
  Words numbers_;
  const NumberFormat& format_;
  std::uint32_t weight_ = 1;
};

void number_image(WgmmaImage& image, std::uint32_t bytes, int index, const NumberFormat& format) {
  const auto size = static_cast<std::uint32_t>(format.bytes());
  for (std::uint32_t i = 0; i < bytes / size; ++i)
    image.set(i * size, digit(i, index, format), format);
}

Words to_offsets(const Words& numbers, const NumberFormat& format) {
  Words offsets;
  for (const std::uint32_t number : numbers) {
    offsets.push_back(number == kUnknown ? kUnknown
                                         : number * static_cast<std::uint32_t>(format.bytes()));
  }
  return offsets;
}

Result map_b(const WgmmaKey& key, const WgmmaLayout& layout) {
  const NumberFormat& format = number_format(key.type);
  const int k_count = k_of(format);
  WgmmaInput input;
  input.b = layout;
  input.a_registers = Matrix(64, k_count);
  for (int k = 0; k < k_count; ++k) input.a_registers->at(k, k) = encode(1, format);
  Decoder decoder(static_cast<std::size_t>(k_count * key.n), format);
  Result result;
  const int digits =
      digit_count(kWgmmaImageBytes / static_cast<std::uint32_t>(format.bytes()), format);
  for (int i = 0; i < digits; ++i) {
    number_image(input.image, kWgmmaImageBytes, i, format);
    const WgmmaOutput output = run_wgmma(key, input);
    for (int k = 0; k < k_count; ++k) {
      for (int n = 0; n < key.n; ++n) {
        decoder.add(static_cast<std::size_t>(k * key.n + n), output.d.at(k, n));
      }
    }
    decoder.next_digit();
    result.cycles = output.cycles;
  }
  result.words = to_offsets(decoder.numbers(), format);
  Words expected;
  for (int k = 0; k < k_count; ++k) {
    for (int n = 0; n < key.n; ++n) expected.push_back(layout.offset(n, k, format));
  }
  result.expect(expected);
  return result;
}

// B, N at least K wide, as a unit matrix without swizzle.
void set_unit_b(WgmmaInput& input, const WgmmaKey& key, const NumberFormat& format) {
  input.b = dense_layout(Major::k, 0, key.n, 1, kUnitMatrixAt, format);
  for (int k = 0; k < k_of(format); ++k) {
    for (int n = 0; n < key.n; ++n) {
      input.image.set(input.b.offset(n, k, format), encode(k == n ? 1 : 0, format), format);
    }
  }
}

Result map_a(const WgmmaKey& key, const WgmmaLayout& layout) {
  const NumberFormat& format = number_format(key.type);
  const int k_count = k_of(format);
  WgmmaInput input;
  input.a = layout;
  Decoder decoder(static_cast<std::size_t>(64 * k_count), format);
  Result result;
  const int digits =
      digit_count(kUnitMatrixAt / static_cast<std::uint32_t>(format.bytes()), format);
  for (int i = 0; i < digits; ++i) {
    number_image(input.image, kUnitMatrixAt, i, format);
    set_unit_b(input, key, format);
    const WgmmaOutput output = run_wgmma(key, input);
    for (int m = 0; m < 64; ++m) {
      for (int k = 0; k < k_count; ++k) {
        decoder.add(static_cast<std::size_t>(m * k_count + k), output.d.at(m, k));
      }
    }
    decoder.next_digit();
    result.cycles = output.cycles;
  }
  result.words = to_offsets(decoder.numbers(), format);
  Words expected;
  for (int m = 0; m < 64; ++m) {
    for (int k = 0; k < k_count; ++k) expected.push_back(layout.offset(m, k, format));
  }
  result.expect(expected);
  return result;
}

Result map_registers(const WgmmaKey& key) {
  const NumberFormat& format = number_format(key.type);
  const int k_count = k_of(format), each = format.per_register();
  WgmmaInput input;
  set_unit_b(input, key, format);
  Decoder decoder(static_cast<std::size_t>(64 * k_count), format);
  const int digits = digit_count(512 * 8, format);
  for (int i = 0; i < digits; ++i) {
    input.a_raw.assign(512, 0);
    for (std::uint32_t word = 0; word < 512; ++word) {
      for (int position = 0; position < each; ++position) {
        const std::uint32_t number = word << 3 | static_cast<std::uint32_t>(position);
        input.a_raw[word] |= digit(number, i, format) << (format.bits * position);
      }
    }
    const WgmmaOutput output = run_wgmma(key, input);
    for (int m = 0; m < 64; ++m) {
      for (int k = 0; k < k_count; ++k) {
        decoder.add(static_cast<std::size_t>(m * k_count + k), output.d.at(m, k));
      }
    }
    decoder.next_digit();
  }
  Result result;
  result.words = decoder.numbers();
  Words expected;
  for (int m = 0; m < 64; ++m) {
    for (int k = 0; k < k_count; ++k) {
      const Place p = place_in_a(m % 16, k, format);
      expected.push_back(
          static_cast<std::uint32_t>((128 * p.index + m / 16 * 32 + p.lane) << 3 | p.position));
    }
  }
  result.expect(expected);
  return result;
}

// D = row * 256 + column (64 for s8), by two products.
Result map_d(const WgmmaKey& key) {
  const NumberFormat& format = number_format(key.type);
  const int base = format.mantissa_bits < 0 ? 64 : 256;
  WgmmaInput input;
  input.a = dense_layout(Major::k, 0, 64, 1, 0, format);
  input.b = dense_layout(Major::k, 0, key.n, 1, 32 * 1024, format);
  for (int m = 0; m < 64; ++m) {
    input.image.set(input.a.offset(m, 0, format), encode(m, format), format);
    input.image.set(input.a.offset(m, 1, format), encode(1, format), format);
  }
  for (int n = 0; n < key.n; ++n) {
    input.image.set(input.b.offset(n, 0, format), encode(base, format), format);
    input.image.set(input.b.offset(n, 1, format), encode(n, format), format);
  }
  const WgmmaOutput output = run_wgmma(key, input);
  Result result;
  result.cycles = output.cycles;
  const int registers = key.n / 2;
  Words expected;
  for (int thread = 0; thread < 128; ++thread) {
    for (int i = 0; i < registers; ++i) {
      const double sum =
          decode_sum(output.registers[static_cast<std::size_t>(128 * i + thread)], format);
      const bool valid = sum >= 0 && sum < 64 * base;
      const int code = valid ? static_cast<int>(sum) : 0;
      result.words.push_back(valid ? static_cast<std::uint32_t>(code / base << 16 | code % base)
                                   : kUnknown);
      const int lane = thread % 32;
      const int row = thread / 32 * 16 + lane / 4 + i % 4 / 2 * 8;
      const int column = i / 4 * 8 + lane % 4 * 2 + i % 2;
      expected.push_back(static_cast<std::uint32_t>(row << 16 | column));
    }
  }
  result.expect(expected);
  return result;
}

constexpr std::uint32_t kMapSwizzles[] = {0, 32, 64, 128};
// Rows on which a matrix may start inside the pattern of a swizzle, if they are in it.
constexpr std::uint32_t kStartRows[] = {1, 2, 3, 5, 7};

class MapAdder {
 public:
  explicit MapAdder(std::vector<Probe>& probes) : probes_(probes) {}
  void operator()(const std::string& name, std::function<Result()> run) {
    probes_.push_back({"wgmma_map", "wgmma_map_" + name, Kind::exact, Needs::sm90, std::move(run)});
  }
  void b(const WgmmaKey& key, const WgmmaLayout& layout, const std::string& suffix = "") {
    (*this)("b_" + describe(key) + "_" + describe(layout.major, layout.swizzle) + suffix,
            [key, layout] { return map_b(key, layout); });
  }
  void a(const WgmmaKey& key, const WgmmaLayout& layout, const std::string& suffix = "") {
    (*this)("a_" + describe(key) + "_" + describe(layout.major, layout.swizzle) + suffix,
            [key, layout] { return map_a(key, layout); });
  }

 private:
  std::vector<Probe>& probes_;
};

Major major_of(int transposed) {
  return transposed != 0 ? Major::mn : Major::k;
}

// The layout, from each of these rows on, with the base offset that the PTX ISA asks for and without.
template <class Body>
void each_start_row(const WgmmaLayout& dense, Body body) {
  for (const std::uint32_t row : kStartRows) {
    if (row >= dense.swizzle / 16) continue;
    const std::string suffix = "_row_" + std::to_string(row);
    WgmmaLayout layout = dense;
    layout.start = 128 * row;
    body(suffix, layout);
    layout.base_offset = row;
    body(suffix + "_based", layout);
  }
}

// One descriptor at a time that is not the dense one.
void add_variants(MapAdder& add, const WgmmaKey& key) {
  const NumberFormat& format = number_format(key.type);
  const Major major = major_of(key.trans_b);
  for (const std::uint32_t swizzle : kMapSwizzles) {
    const WgmmaLayout dense = dense_layout(major, swizzle, key.n, 1, 0, format);
    const auto with = [&](const std::string& suffix, auto change) {
      WgmmaLayout layout = dense;
      change(layout);
      add.b(key, layout, suffix);
    };
    with("_wide_sbo", [](WgmmaLayout& l) { l.sbo += 1024; });
    with("_wide_lbo", [](WgmmaLayout& l) { l.lbo += 1024; });
    with("_exchanged", [](WgmmaLayout& l) { std::swap(l.lbo, l.sbo); });
    with("_start_1024", [](WgmmaLayout& l) { l.start = 1024; });
    if (swizzle == 0) {
      with("_start_16", [](WgmmaLayout& l) { l.start = 16; });
      continue;
    }
    with("_lbo_0", [](WgmmaLayout& l) { l.lbo = 0; });
    // Within the pattern: along K for K-major (what the next instruction of a loop uses), 16 bytes
    // further, and rows.
    for (const std::uint32_t start : {16u, 32u, 64u, 96u}) {
      if (start < swizzle)
        with("_start_" + std::to_string(start), [=](WgmmaLayout& l) { l.start = start; });
    }
    each_start_row(dense, [&](const std::string& suffix, const WgmmaLayout& layout) {
      add.b(key, layout, suffix);
    });
    with("_based_1", [](WgmmaLayout& l) { l.base_offset = 1; });
  }
}

}  // namespace

void add_wgmma_map_probes(std::vector<Probe>& probes) {
  MapAdder add(probes);
  for (const WgmmaKey& key : wgmma_keys()) {
    const NumberFormat& format = number_format(key.type);
    const bool unit_fits = key.n >= k_of(format);
    if (key.source == WgmmaSource::rs) {
      for (const std::uint32_t swizzle : kMapSwizzles) {
        add.b(key, dense_layout(major_of(key.trans_b), swizzle, key.n, 1, 0, format));
      }
      const bool f16 = key.type == WgmmaType::f16;
      if (key.n == 64 && (f16 || key.type == WgmmaType::e4m3)) add_variants(add, key);
      if (unit_fits && key.n <= 32 && key.trans_b == 0) {
        add("registers_" + describe(key), [key] { return map_registers(key); });
      }
    } else {
      if (unit_fits && key.n <= 32 && key.trans_b == 0) {
        for (const std::uint32_t swizzle : kMapSwizzles) {
          const WgmmaLayout dense = dense_layout(major_of(key.trans_a), swizzle, 64, 1, 0, format);
          add.a(key, dense);
          WgmmaLayout moved = dense;
          moved.start = swizzle == 0 ? 1024 : swizzle - 32;
          if (moved.start != 0) add.a(key, moved, "_start_" + std::to_string(moved.start));
          if (key.type != WgmmaType::f16 || key.trans_a != 0) continue;
          each_start_row(dense, [&](const std::string& suffix, const WgmmaLayout& layout) {
            add.a(key, layout, suffix);
          });
        }
      }
      const bool d_of_f16 =
          key.type == WgmmaType::f16 && (key.n == 8 || key.n == 64 || key.n == 256);
      if (key.trans_a == 0 && key.trans_b == 0 &&
          (d_of_f16 || (key.type == WgmmaType::s8 && key.n == 8))) {
        add("d_" + describe(key), [key] { return map_d(key); });
      }
    }
  }
}

}  // namespace foldconv::probes
