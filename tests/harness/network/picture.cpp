// SPDX-License-Identifier: MIT
#include "harness/network/picture.hpp"

#include <algorithm>
#include <string>

#include "harness/files.hpp"
#include "harness/network/stb_image.hpp"

namespace foldconv::harness {
namespace {

constexpr std::size_t kChannels = 3;

const std::uint8_t* pixel(const Picture& picture, int row, int column) {
  return picture.pixels.data() +
         (static_cast<std::size_t>(row) * static_cast<std::size_t>(picture.size.w) +
          static_cast<std::size_t>(column)) *
             kChannels;
}

Picture picture_of(Extent size) {
  return {size, std::vector<std::uint8_t>(static_cast<std::size_t>(size.h) *
                                          static_cast<std::size_t>(size.w) * kChannels)};
}

// A pixel's two neighbours along an axis, and the second one's weight, in parts of twice the wanted extent.
struct Neighbours {
  int first, second;
  std::int64_t weight;
};

// Centres at halves: (i + 1/2) * extent / wanted - 1/2, kept within the picture.
std::vector<Neighbours> neighbours(int extent, int wanted) {
  const std::int64_t parts = 2 * std::int64_t{wanted};
  std::vector<Neighbours> all;
  for (std::int64_t i = 0; i < wanted; ++i) {
    const std::int64_t place =
        std::clamp<std::int64_t>((2 * i + 1) * extent - wanted, 0, parts * (extent - 1));
    const auto first = static_cast<int>(place / parts);
    all.push_back({first, std::min(first + 1, extent - 1), place % parts});
  }
  return all;
}

}  // namespace

Picture read_picture(const std::filesystem::path& file) {
  const std::string content = read_file(file);
  std::string reason;
  std::optional<stb::Decoded> decoded = stb::decode(content, reason);
  if (!decoded) {
    throw Error(ErrorCode::invalid_argument, file.string() + ": no picture that can be read: " +
                                                 reason + "; JPEG, PNG and BMP are");
  }
  return {{decoded->h, decoded->w}, std::move(decoded->rgb)};
}

Picture turned(const Picture& picture, int degrees) {
  const auto [h, w] = picture.size;
  const int quarters = (degrees / 90 % 4 + 4) % 4;
  Picture result = picture_of(quarters % 2 == 0 ? picture.size : Extent{w, h});
  std::uint8_t* to = result.pixels.data();
  for (int row = 0; row < result.size.h; ++row) {
    for (int column = 0; column < result.size.w; ++column) {
      const std::uint8_t* from = quarters == 0   ? pixel(picture, row, column)
                                 : quarters == 1 ? pixel(picture, h - 1 - column, row)
                                 : quarters == 2 ? pixel(picture, h - 1 - row, w - 1 - column)
                                                 : pixel(picture, column, w - 1 - row);
      to = std::copy_n(from, kChannels, to);
    }
  }
  return result;
}

Picture resized(const Picture& picture, Extent size) {
  const std::vector<Neighbours> rows = neighbours(picture.size.h, size.h),
                                columns = neighbours(picture.size.w, size.w);
  const std::int64_t down = 2 * std::int64_t{size.h}, right = 2 * std::int64_t{size.w};
  Picture result = picture_of(size);
  std::uint8_t* to = result.pixels.data();
  for (const Neighbours& row : rows) {
    for (const Neighbours& column : columns) {
      const std::uint8_t* const corners[] = {
          pixel(picture, row.first, column.first), pixel(picture, row.first, column.second),
          pixel(picture, row.second, column.first), pixel(picture, row.second, column.second)};
      for (std::size_t channel = 0; channel < kChannels; ++channel) {
        const auto along = [&](int left) {
          return corners[left][channel] * (right - column.weight) +
                 corners[left + 1][channel] * column.weight;
        };
        const std::int64_t sum = along(0) * (down - row.weight) + along(2) * row.weight;
        *to++ = static_cast<std::uint8_t>((2 * sum + down * right) / (2 * down * right));
      }
    }
  }
  return result;
}

}  // namespace foldconv::harness
