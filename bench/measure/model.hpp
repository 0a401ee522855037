// SPDX-License-Identifier: MIT
// The GPUs that the emulator can be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace foldconv::tool {

struct GpuModel {
  const char* name;          // for --model
  const char* title;         // for people
  const char* architecture;  // compute capability without the dot
};

std::vector<std::string> model_names();
const GpuModel* find_model(std::string_view name);  // null: no such model
// The model of this name; without a name the one of this architecture, or else the first.
const GpuModel& choose_model(std::string_view name, std::string_view architecture);

}  // namespace foldconv::tool
