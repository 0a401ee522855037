// SPDX-License-Identifier: MIT
#include "kernels/support/pitched_tensor.hpp"

#include <algorithm>

namespace foldconv::kernel_tests {
namespace {

constexpr std::size_t kChunk = 16;
constexpr auto kUntouched = std::byte{DeviceBuffer::kPoison};

std::size_t bytes_of(DataType dtype, std::int64_t elements) {
  return static_cast<std::size_t>(elements) * size_of(dtype);
}

}  // namespace

PitchedTensor::PitchedTensor(DataType dtype, const Shape& shape, int pitch, Guards guards)
    : pixels_(static_cast<std::size_t>(shape.n) * shape.h * shape.w),
      pitch_(bytes_of(dtype, pitch)),
      pixel_bytes_(bytes_of(dtype, shape.c)),
      offset_((pitch_ - pixel_bytes_) / kChunk * kChunk),
      buffer_(pixels_ == 0 ? 0 : (pixels_ - 1) * pitch_ + offset_ + pixel_bytes_, guards) {}

PitchedTensor::PitchedTensor(DataType dtype, const Shape& shape, int pitch,
                             const harness::Bytes& content, Guards guards)
    : PitchedTensor(dtype, shape, pitch, guards) {
  upload(content);
}

void PitchedTensor::upload(const harness::Bytes& content) const {
  harness::Bytes all(buffer_.bytes(), kUntouched);
  for (std::size_t pixel = 0; pixel < pixels_; ++pixel) {
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(pixel * pixel_bytes_), pixel_bytes_,
                all.begin() + static_cast<std::ptrdiff_t>(pixel * pitch_ + offset_));
  }
  buffer_.upload(all);
}

harness::Bytes PitchedTensor::download() const {
  harness::Bytes all = buffer_.download(), content;
  content.reserve(pixels_ * pixel_bytes_);
  for (std::size_t pixel = 0; pixel < pixels_; ++pixel) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(pixel * pitch_ + offset_);
    const auto end = begin + static_cast<std::ptrdiff_t>(pixel_bytes_);
    content.insert(content.end(), begin, end);
    std::fill(begin, end, kUntouched);
  }
  const auto written = std::ranges::count_if(all, [](std::byte b) { return b != kUntouched; });
  EXPECT_EQ(written, 0) << "bytes between the pixels of a tensor were written";
  return content;
}

}  // namespace foldconv::kernel_tests
