#include "compute/images.hpp"

#include <algorithm>
#include <cstring>

#include "harness/oracle/rounding.hpp"

namespace foldconv::tool {
namespace {

// Work for the reference on one problem: some seconds on a core.
constexpr double kReferenceFlops = 4e9;

}  // namespace

std::size_t Images::image_bytes() const {
  return static_cast<std::size_t>(Shape{1, shape.h, shape.w, shape.c}.elements()) * size_of(dtype);
}

std::vector<float> Images::distinct_values(std::span<const std::byte> tensor) const {
  return oracle::decode(dtype, tensor.first(image_bytes() * static_cast<std::size_t>(distinct)));
}

int affordable_images(double flops_per_image) {
  return static_cast<int>(std::clamp(kReferenceFlops / std::max(flops_per_image, 1.0), 1.0, 1e6));
}

std::vector<std::byte> encode_images(DataType dtype, std::span<const float> values, int distinct,
                                     int images) {
  const std::vector<std::byte> encoded = oracle::encode(dtype, values);
  const std::size_t image_bytes = encoded.size() / static_cast<std::size_t>(distinct);
  std::vector<std::byte> all(image_bytes * static_cast<std::size_t>(images));
  for (int i = 0; i < images; ++i) {
    std::memcpy(all.data() + static_cast<std::size_t>(i) * image_bytes,
                encoded.data() + static_cast<std::size_t>(i % distinct) * image_bytes, image_bytes);
  }
  return all;
}

std::vector<std::byte> followed_by_first_image(std::vector<std::byte> tensor, int images) {
  const std::size_t image_bytes = tensor.size() / static_cast<std::size_t>(images);
  const std::vector<std::byte> first(tensor.begin(),
                                     tensor.begin() + static_cast<std::ptrdiff_t>(image_bytes));
  tensor.insert(tensor.end(), first.begin(), first.end());
  return tensor;
}

}  // namespace foldconv::tool
