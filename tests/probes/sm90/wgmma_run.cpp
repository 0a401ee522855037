// SPDX-License-Identifier: MIT
#include "sm90/wgmma_run.hpp"

#include <cstring>

#include "probe/device.hpp"

namespace foldconv::probes {
namespace {

// Of a warpgroup: 16 rows for each warp.
std::size_t register_word(int row, const Place& place) {
  return static_cast<std::size_t>(128 * place.index + row / 16 * 32 + place.lane);
}

}  // namespace

const NumberFormat& number_format(WgmmaType type) {
  switch (type) {
    case WgmmaType::bf16:
      return kBf16;
    case WgmmaType::tf32:
      return kTf32;
    case WgmmaType::e4m3:
      return kE4m3;
    case WgmmaType::s8:
      return kS8;
    default:
      return kF16;
  }
}

std::vector<WgmmaKey> wgmma_keys() {
  std::vector<WgmmaKey> keys;
  for (int i = 0; i < wgmma_count(); ++i) {
    const WgmmaKey key = wgmma_key(i);
    const bool negated = key.type == WgmmaType::f16_minus_a || key.type == WgmmaType::f16_minus_b;
    if (key.turns == 1 && !negated) keys.push_back(key);
  }
  return keys;
}

std::string describe(const WgmmaKey& key) {
  return std::string(key.source == WgmmaSource::ss ? "ss_" : "rs_") + number_format(key.type).name +
         "_n" + std::to_string(key.n);
}

void WgmmaImage::set(std::uint32_t offset, std::uint32_t bits, const NumberFormat& format) {
  std::memcpy(bytes_.data() + offset, &bits, static_cast<std::size_t>(format.bytes()));
}

Words WgmmaImage::words() const {
  Words words(bytes_.size() / 4);
  std::memcpy(words.data(), bytes_.data(), bytes_.size());
  return words;
}

WgmmaOutput run_wgmma(const WgmmaKey& key, const WgmmaInput& input) {
  const NumberFormat& format = number_format(key.type);
  Words a(512);
  if (!input.a_raw.empty()) a = input.a_raw;
  if (input.a_registers) {
    for (int row = 0; row < 64; ++row) {
      for (int k = 0; k < k_of(format); ++k) {
        const Place place = place_in_a(row % 16, k, format);
        a[register_word(row, place)] |= input.a_registers->at(row, k)
                                        << (format.bits * place.position);
      }
    }
  }
  Words d(static_cast<std::size_t>(64 * key.n), 0xffffffff);
  if (input.c) {
    for (int row = 0; row < 64; ++row) {
      for (int column = 0; column < key.n; ++column) {
        d[register_word(row, place_in_d(row % 16, column))] = input.c->at(row, column);
      }
    }
  }
  const Words image = input.image.words();
  const DeviceArray<std::uint32_t> device_image(image), device_a(a), device_d(d);
  const DeviceArray<std::uint64_t> cycles(1);
  const WgmmaArguments arguments{device_image.get(),   static_cast<std::uint32_t>(image.size()),
                                 input.a.descriptor(), input.b.descriptor(),
                                 device_a.get(),       device_d.get(),
                                 input.c ? 1u : 0u,    cycles.get()};
  check_launch(launch_wgmma(key, arguments), "wgmma");

  WgmmaOutput output{device_d.download(), Matrix(64, key.n), cycles.download()[0]};
  for (int row = 0; row < 64; ++row) {
    for (int column = 0; column < key.n; ++column) {
      output.d.at(row, column) = output.registers[register_word(row, place_in_d(row % 16, column))];
    }
  }
  return output;
}

}  // namespace foldconv::probes
