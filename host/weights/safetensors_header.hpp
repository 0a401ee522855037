// SPDX-License-Identifier: MIT
// The header of a safetensors file, which is not believed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "foldconv/safetensors.hpp"
#include "foldconv/status.hpp"

namespace foldconv::host {

struct SafetensorsHeader {
  std::vector<safetensors::TensorInfo> tensors;  // sorted by name
  std::map<std::string, std::string> metadata;
};

// `data_bytes` follow the header in the file. Errors: those of StateDict::read().
Result<SafetensorsHeader> parse_safetensors_header(std::string_view json, std::uint64_t data_bytes);

}  // namespace foldconv::host
