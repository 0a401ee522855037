// SPDX-License-Identifier: MIT
// stb_image, kept to one file: its header brings hundreds of names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace foldconv::harness::stb {

struct Decoded {
  int h = 0, w = 0;
  std::vector<std::uint8_t> rgb = {};
};

// None: `reason` says why.
std::optional<Decoded> decode(std::string_view content, std::string& reason);

}  // namespace foldconv::harness::stb
