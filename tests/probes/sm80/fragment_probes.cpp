// SPDX-License-Identifier: MIT
// Fragment layouts of mma, one element at a time.
//
// mma_fragment_a_*, _b_*: one word for each place of A (of B), by lane, register, position: a one
// there and 1 + k in the other matrix give row (column) << 16 | k << 8 | how many sums are not
// zero.
// mma_fragment_d_*: one word for each register of D, by lane: row << 16 | column.
#include "sm80/mma_tiles.hpp"
#include "sm80/probes.hpp"

namespace foldconv::probes {
namespace {

enum class Operand { a, b };

// What D says of the one element that was set.
std::uint32_t locate(const MmaTiles& tiles, int tile, Operand operand, const NumberFormat& format) {
  std::uint32_t word = 0, count = 0;
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      const auto value = static_cast<int>(decode_sum(tiles.d(tile, row, column), format));
      if (value == 0) continue;
      ++count;
      const int line = operand == Operand::a ? row : column;
      word = static_cast<std::uint32_t>(line << 16 | (value - 1) << 8);
    }
  }
  return word | count;
}

Result probe_operand(const MmaFormat& format, Operand operand) {
  const NumberFormat& number = format.number;
  const int registers = operand == Operand::a ? 4 : 2;
  const int each = number.per_register();
  const int places = 32 * registers * each;
  MmaTiles tiles(format, places);
  for (int tile = 0; tile < places; ++tile) {
    const Place place{tile / each / registers, tile / each % registers, tile % each};
    for (int k = 0; k < k_of(number); ++k) {
      if (operand == Operand::a) {
        for (int n = 0; n < 8; ++n) tiles.set_b(tile, k, n, encode(1 + k, number));
      } else {
        for (int m = 0; m < 16; ++m) tiles.set_a(tile, m, k, encode(1 + k, number));
      }
    }
    if (operand == Operand::a) {
      tiles.set_a(tile, place, encode(1, number));
    } else {
      tiles.set_b(tile, place, encode(1, number));
    }
  }
  tiles.run();

  Result result;
  for (int tile = 0; tile < places; ++tile) {
    result.words.push_back(locate(tiles, tile, operand, number));
  }
  Words expected(result.words.size());
  for (int k = 0; k < k_of(number); ++k) {
    for (int line = 0; line < (operand == Operand::a ? 16 : 8); ++line) {
      const Place p =
          operand == Operand::a ? place_in_a(line, k, number) : place_in_b(k, line, number);
      expected[static_cast<std::size_t>((p.lane * registers + p.index) * each + p.position)] =
          static_cast<std::uint32_t>(line << 16 | k << 8 | (operand == Operand::a ? 8 : 16));
    }
  }
  result.expect(expected);
  return result;
}

// Row and column as one number: 8 * row + column, exact in every format.
Result probe_d(const MmaFormat& format) {
  const NumberFormat& number = format.number;
  MmaTiles tiles(format, 1);
  for (int row = 0; row < 16; ++row) {
    tiles.set_a(0, row, 0, encode(row, number));
    tiles.set_a(0, row, 1, encode(1, number));
  }
  for (int column = 0; column < 8; ++column) {
    tiles.set_b(0, 0, column, encode(8, number));
    tiles.set_b(0, 1, column, encode(column, number));
  }
  tiles.run();
  Result result;
  Words expected(128);
  for (int lane = 0; lane < 32; ++lane) {
    for (int index = 0; index < 4; ++index) {
      const auto code =
          static_cast<std::uint32_t>(decode_sum(tiles.d_register(0, lane, index), number));
      result.words.push_back(code / 8 << 16 | code % 8);
    }
  }
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      const Place p = place_in_d(row, column);
      expected[static_cast<std::size_t>(p.lane * 4 + p.index)] =
          static_cast<std::uint32_t>(row << 16 | column);
    }
  }
  result.expect(expected);
  return result;
}

}  // namespace

void add_fragment_probes(std::vector<Probe>& probes) {
  for (const MmaFormat& format : mma_formats()) {
    const std::string& name = format.number.name;
    const auto add = [&](const std::string& matrix, std::function<Result()> run) {
      probes.push_back({"mma_fragment", "mma_fragment_" + matrix + "_" + name, Kind::exact,
                        Needs::any_gpu, std::move(run)});
    };
    add("a", [&format] { return probe_operand(format, Operand::a); });
    add("b", [&format] { return probe_operand(format, Operand::b); });
    add("d", [&format] { return probe_d(format); });
  }
}

}  // namespace foldconv::probes
