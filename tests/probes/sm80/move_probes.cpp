// SPDX-License-Identifier: MIT
// ldmatrix and cp.async, by the kernels of moves.cu: the words are what those write.
#include "probe/device.hpp"
#include "sm80/kernels.hpp"
#include "sm80/probes.hpp"

namespace foldconv::probes {
namespace {

using Array = DeviceArray<std::uint32_t>;

Words counting(std::size_t count) {
  Words words(count);
  for (std::size_t i = 0; i < count; ++i)
    words[i] = static_cast<std::uint32_t>(0x01000193 * (i + 1));
  return words;
}

// 16-bit element e of row r is 8 * r + e.
std::uint32_t element_pair(std::uint32_t first, std::uint32_t second) {
  return first | second << 16;
}

Result probe_ldmatrix(int matrices, bool transposed) {
  Words rows(128);
  for (std::uint32_t i = 0; i < 128; ++i) rows[i] = element_pair(2 * i, 2 * i + 1);
  const Array source(rows), out(128);
  check_launch(launch_ldmatrix(matrices, transposed, source.get(), out.get()), "ldmatrix");
  Result result;
  result.words = out.download();
  Words expected(128);
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    for (std::uint32_t matrix = 0; matrix < static_cast<std::uint32_t>(matrices); ++matrix) {
      const std::uint32_t line = lane / 4, pair = lane % 4 * 2;
      expected[4 * lane + matrix] =
          transposed
              ? element_pair(64 * matrix + 8 * pair + line, 64 * matrix + 8 * pair + 8 + line)
              : element_pair(64 * matrix + 8 * line + pair, 64 * matrix + 8 * line + pair + 1);
    }
  }
  result.expect(expected);
  return result;
}

Result probe_copy_sizes(int size) {
  const auto cases = static_cast<std::uint32_t>(size + 1);
  const Words source = counting(4 * cases);
  const Array device_source(source), out(4 * cases);
  check_launch(launch_copy_sizes(size, device_source.get(), out.get()), "cp.async");
  Result result;
  result.words = out.download();
  Words expected(4 * cases, kCopyPoison);
  for (std::uint32_t i = 0; i < cases; ++i) {
    for (std::uint32_t byte = 0; byte < static_cast<std::uint32_t>(size); ++byte) {
      const std::uint32_t word = 4 * i + byte / 4, shift = 8 * (byte % 4);
      expected[word] &= ~(0xffu << shift);
      if (byte < i) expected[word] |= source[word] & (0xffu << shift);
    }
  }
  result.expect(expected);
  return result;
}

Result probe_copy_groups() {
  const Words source = counting(128);
  const Array device_source(source), out(512);
  check_launch(launch_copy_groups(device_source.get(), out.get()), "cp.async.wait_group");
  Result result;
  result.words = out.download();
  Words expected(512);
  for (std::size_t i = 0; i < 512; ++i) {
    expected[i] = i / 32 % 4 <= i / 128 ? source[i % 128] : 0;
  }
  result.expect(expected);
  return result;
}

Result probe_swizzled_copy() {
  const Words source = counting(2048);
  const Array device_source(source), out(2048 + 128);
  check_launch(launch_swizzled_copy(device_source.get(), out.get()), "swizzled copy");
  Result result;
  result.words = out.download();
  Words expected(2048 + 128);
  for (std::size_t row = 0; row < 64; ++row) {
    for (std::size_t word = 0; word < 32; ++word) {
      expected[32 * row + (word ^ (row % 8 * 4))] = source[32 * row + word];
    }
  }
  // Four matrices: rows 16..23 and 24..31 of unit 2, then of unit 3.
  for (std::size_t lane = 0; lane < 32; ++lane) {
    for (std::size_t matrix = 0; matrix < 4; ++matrix) {
      const std::size_t row = 16 + matrix % 2 * 8 + lane / 4, unit = 2 + matrix / 2;
      expected[2048 + 4 * lane + matrix] = source[32 * row + 4 * unit + lane % 4];
    }
  }
  result.expect(expected);
  return result;
}

}  // namespace

void add_move_probes(std::vector<Probe>& probes) {
  const auto add = [&](const std::string& group, const std::string& name,
                       std::function<Result()> run) {
    probes.push_back({group, group + "_" + name, Kind::exact, Needs::any_gpu, std::move(run)});
  };
  for (const int matrices : {1, 2, 4}) {
    const std::string name = "x" + std::to_string(matrices);
    add("ldmatrix", name, [=] { return probe_ldmatrix(matrices, false); });
    add("ldmatrix", name + "_trans", [=] { return probe_ldmatrix(matrices, true); });
  }
  for (const int size : {4, 8, 16}) {
    add("cp_async", "zero_fill_" + std::to_string(size), [=] { return probe_copy_sizes(size); });
  }
  add("cp_async", "wait_group", probe_copy_groups);
  add("cp_async", "swizzle128", probe_swizzled_copy);
}

}  // namespace foldconv::probes
