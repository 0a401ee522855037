// SPDX-License-Identifier: MIT
// The GPUs that the emulator can be.
#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

namespace foldconv::tool {

struct GpuModel {
  std::string_view name;          // for --model
  std::string_view title;         // for people
  std::string_view architecture;  // compute capability without the dot
};
inline constexpr GpuModel kModels[] = {{"h100", "H100 SXM", "90"}, {"a100", "A100 SXM", "80"}};

// The model of this name; without a name the one of this architecture, or else the first.
inline const GpuModel& choose_model(std::string_view name, std::string_view architecture) {
  const auto* found = std::ranges::find_if(kModels, [&](const GpuModel& model) {
    return name.empty() ? model.architecture == architecture : model.name == name;
  });
  return found == std::end(kModels) ? kModels[0] : *found;
}

}  // namespace foldconv::tool
