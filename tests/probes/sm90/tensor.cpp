// SPDX-License-Identifier: MIT
#include "sm90/tensor.hpp"

#include <cstring>

#include "sm90/driver.hpp"

namespace foldconv::probes {
namespace {

struct MapArguments {
  std::array<cuuint64_t, 5> dims{}, strides{};
  std::array<cuuint32_t, 5> box{}, element_strides{};

  explicit MapArguments(const TensorSpec& spec) {
    std::size_t stride = spec.pitch();
    for (std::size_t i = 0; i < 5; ++i) {
      dims[i] = static_cast<cuuint64_t>(spec.dims[i]);
      strides[i] = stride;  // of dimension i + 1
      if (i < 4) stride *= static_cast<std::size_t>(spec.dims[i + 1]);
      box[i] = static_cast<cuuint32_t>(spec.box[i]);
      element_strides[i] = static_cast<cuuint32_t>(spec.strides[i]);
    }
  }
};

void check_driver(CUresult status, const char* what) {
  if (status == CUDA_SUCCESS) return;
  throw std::runtime_error(std::string(what) + ": driver error " + std::to_string(status));
}

}  // namespace

std::size_t TensorSpec::pitch() const {
  const auto row = static_cast<std::size_t>(dims[0] * element_bytes);
  return (row + 15) / 16 * 16;
}

std::size_t TensorSpec::bytes() const {
  std::size_t total = pitch();
  for (std::size_t i = 1; i < 5; ++i) total *= static_cast<std::size_t>(dims[i]);
  return total;
}

std::size_t TensorSpec::offset(const Dims& c) const {
  std::size_t row = 0;
  for (std::size_t i = 4; i > 0; --i) {
    row = row * static_cast<std::size_t>(dims[i]) + static_cast<std::size_t>(c[i]);
  }
  return row * pitch() + static_cast<std::size_t>(c[0] * element_bytes);
}

bool TensorSpec::inside(const Dims& c) const {
  for (std::size_t i = 0; i < 5; ++i) {
    if (c[i] < 0 || c[i] >= dims[i]) return false;
  }
  return true;
}

Bytes numbered_tensor(const TensorSpec& spec) {
  Bytes bytes(spec.bytes());
  const auto size = static_cast<std::size_t>(spec.element_bytes);
  for (std::size_t i = 0; i < bytes.size() / size; ++i) {
    const auto number = static_cast<std::uint32_t>(i + 1);
    std::memcpy(bytes.data() + i * size, &number, size);
  }
  return bytes;
}

CUtensorMap encode_tiled(const TensorSpec& spec, void* address) {
  auto* const encode = tiled_encoder();
  const MapArguments a(spec);
  alignas(64) CUtensorMap map;
  check_driver(encode(&map, spec.type, static_cast<cuuint32_t>(spec.rank), address, a.dims.data(),
                      a.strides.data(), a.box.data(), a.element_strides.data(), spec.interleave,
                      spec.swizzle, CU_TENSOR_MAP_L2_PROMOTION_NONE, spec.fill),
               "cuTensorMapEncodeTiled");
  return map;
}

CUtensorMap encode_im2col(const TensorSpec& spec, void* address) {
  auto* const encode = im2col_encoder();
  const MapArguments a(spec);
  alignas(64) CUtensorMap map;
  check_driver(encode(&map, spec.type, static_cast<cuuint32_t>(spec.rank), address, a.dims.data(),
                      a.strides.data(), spec.lower.data(), spec.upper.data(),
                      static_cast<cuuint32_t>(spec.channels), static_cast<cuuint32_t>(spec.pixels),
                      a.element_strides.data(), spec.interleave, spec.swizzle,
                      CU_TENSOR_MAP_L2_PROMOTION_NONE, spec.fill),
               "cuTensorMapEncodeIm2col");
  return map;
}

std::vector<Dims> tiled_elements(const TensorSpec& spec, const Dims& corner) {
  // The inner dimension knows no stride without interleaving.
  Dims steps = spec.strides;
  steps[0] = 1;
  Dims counts{};
  for (std::size_t i = 0; i < 5; ++i) counts[i] = (spec.box[i] + steps[i] - 1) / steps[i];
  std::vector<Dims> elements;
  Dims i{};
  for (i[4] = 0; i[4] < counts[4]; ++i[4]) {
    for (i[3] = 0; i[3] < counts[3]; ++i[3]) {
      for (i[2] = 0; i[2] < counts[2]; ++i[2]) {
        for (i[1] = 0; i[1] < counts[1]; ++i[1]) {
          for (i[0] = 0; i[0] < counts[0]; ++i[0]) {
            Dims c{};
            for (std::size_t j = 0; j < 5; ++j) c[j] = corner[j] + i[j] * steps[j];
            elements.push_back(c);
          }
        }
      }
    }
  }
  return elements;
}

// From the corner on, pixel by pixel through the bounding box, innermost dimension first, then on
// to the next image; the tap's offset is added to each.
std::vector<Dims> im2col_elements(const TensorSpec& spec, const Dims& corner,
                                  const std::array<std::uint16_t, 3>& offsets) {
  const auto spatial = static_cast<std::size_t>(spec.rank - 2);
  std::vector<Dims> elements;
  Dims at = corner;
  for (int pixel = 0; pixel < spec.pixels; ++pixel) {
    for (int channel = 0; channel < spec.channels; ++channel) {
      Dims c = at;
      c[0] += channel;
      for (std::size_t i = 0; i < spatial; ++i) c[i + 1] += offsets[i];
      elements.push_back(c);
    }
    std::size_t i = 0;
    for (; i < spatial; ++i) {
      at[i + 1] += spec.strides[i + 1];
      if (at[i + 1] < spec.dims[i + 1] + spec.upper[i]) break;
      at[i + 1] = spec.lower[i];
    }
    if (i == spatial) ++at[spatial + 1];
  }
  return elements;
}

std::size_t swizzled(std::size_t start, std::size_t offset, CUtensorMapSwizzle swizzle) {
  const std::size_t address = start + offset;
  const std::size_t row = address >> 7;  // 128 bytes
  switch (swizzle) {
    case CU_TENSOR_MAP_SWIZZLE_32B:
      return address ^ (row & 1) << 4;
    case CU_TENSOR_MAP_SWIZZLE_64B:
      return address ^ (row & 3) << 4;
    case CU_TENSOR_MAP_SWIZZLE_128B:
      return address ^ (row & 7) << 4;
    default:
      return address;
  }
}

Words to_words(const Bytes& bytes) {
  Words words((bytes.size() + 3) / 4);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  return words;
}

}  // namespace foldconv::probes
