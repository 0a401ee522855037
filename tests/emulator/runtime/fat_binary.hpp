// SPDX-License-Identifier: MIT
// Fat binaries: what nvcc embeds in a program for each translation unit, a container of PTX texts
// and cubins.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace cuemu::runtime {

enum class ImageKind { ptx, cubin };

// One entry of a container; the bytes stay where the program has them, compressed as they are.
struct Image {
  ImageKind kind = ImageKind::ptx;
  int arch = 0;                        // 80 for compute_80 or sm_80
  bool architecture_specific = false;  // compute_90a: runs on exactly that architecture
  uint64_t flags = 0;
  uint64_t raw_size = 0;
  std::span<const uint8_t> stored;
};

// `wrapper` is what __cudaRegisterFatBinary gets. Throws std::runtime_error when it is not a fat
// binary.
std::vector<Image> list_images(const void* wrapper);

// The image of that kind for a device of compute capability `arch`: the newest that is not newer
// than the device, with architecture-specific ones only for exactly their architecture. nullptr
// when there is none. A device compiles such a PTX; a cubin it would load only within its own major
// version, beyond that its figures are an estimate.
const Image* choose_image(const std::vector<Image>& images, ImageKind kind, int arch);

// The image's bytes, decompressed.
std::vector<uint8_t> unpack(const Image& image);

}  // namespace cuemu::runtime
