// SPDX-License-Identifier: MIT
#include "sm80/mma_tiles.hpp"

#include "probe/device.hpp"

namespace foldconv::probes {
namespace {

std::size_t word(int tile, int lane, int registers, int index) {
  return static_cast<std::size_t>((tile * 32 + lane) * registers + index);
}

void put(std::uint32_t& register_word, const NumberFormat& format, int position,
         std::uint32_t bits) {
  register_word |= bits << (format.bits * position);
}

}  // namespace

const std::vector<MmaFormat>& mma_formats() {
  static const std::vector<MmaFormat> formats = {
      {MmaType::f16, kF16}, {MmaType::bf16, kBf16}, {MmaType::tf32, kTf32}, {MmaType::s8, kS8}};
  return formats;
}

MmaTiles::MmaTiles(const MmaFormat& format, int count)
    : format_(format),
      count_(count),
      a_(word(count, 0, 4, 0)),
      b_(word(count, 0, 2, 0)),
      c_(word(count, 0, 4, 0)) {}

void MmaTiles::set_a(int tile, const Place& p, std::uint32_t bits) {
  put(a_[word(tile, p.lane, 4, p.index)], format_.number, p.position, bits);
}
void MmaTiles::set_b(int tile, const Place& p, std::uint32_t bits) {
  put(b_[word(tile, p.lane, 2, p.index)], format_.number, p.position, bits);
}
void MmaTiles::set_a(int tile, int row, int k, std::uint32_t bits) {
  set_a(tile, place_in_a(row, k, format_.number), bits);
}
void MmaTiles::set_b(int tile, int k, int column, std::uint32_t bits) {
  set_b(tile, place_in_b(k, column, format_.number), bits);
}
void MmaTiles::set_c(int tile, int row, int column, std::uint32_t bits) {
  const Place p = place_in_d(row, column);
  c_[word(tile, p.lane, 4, p.index)] = bits;
}

void MmaTiles::run() {
  const DeviceArray<std::uint32_t> a(a_), b(b_), c(c_), d(c_.size());
  check_launch(launch_mma(format_.type, count_, a.get(), b.get(), c.get(), d.get()), "mma");
  d_ = d.download();
}

std::uint32_t MmaTiles::d_register(int tile, int lane, int index) const {
  return d_[word(tile, lane, 4, index)];
}
std::uint32_t MmaTiles::d(int tile, int row, int column) const {
  const Place p = place_in_d(row, column);
  return d_register(tile, p.lane, p.index);
}

}  // namespace foldconv::probes
