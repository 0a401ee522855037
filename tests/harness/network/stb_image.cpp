// SPDX-License-Identifier: MIT
#include "harness/network/stb_image.hpp"

#include <limits>
#include <memory>

// Pictures may come from anywhere: few formats, and no size that would fill the memory.
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_MAX_DIMENSIONS 32768
#define STBI_NO_STDIO
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

namespace foldconv::harness::stb {

std::optional<Decoded> decode(std::string_view content, std::string& reason) {
  constexpr int kRgb = 3;
  if (content.size() > std::numeric_limits<int>::max()) {
    reason = "too many bytes";
    return std::nullopt;
  }
  int h = 0, w = 0, channels = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(content.data()),
                            static_cast<int>(content.size()), &w, &h, &channels, kRgb),
      stbi_image_free);
  if (pixels == nullptr) {
    reason = stbi_failure_reason();
    return std::nullopt;
  }
  const std::size_t bytes = static_cast<std::size_t>(h) * static_cast<std::size_t>(w) * kRgb;
  return Decoded{h, w, {pixels.get(), pixels.get() + bytes}};
}

}  // namespace foldconv::harness::stb
