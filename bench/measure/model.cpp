// SPDX-License-Identifier: MIT
#include "measure/model.hpp"

#include <algorithm>
#include <iterator>

namespace foldconv::tool {
namespace {

constexpr GpuModel kModels[] = {{"h100", "H100 SXM", "90"}, {"a100", "A100 SXM", "80"}};

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const GpuModel& model : kModels) names.emplace_back(model.name);
  return names;
}

const GpuModel* find_model(std::string_view name) {
  const auto* found = std::ranges::find(kModels, name, &GpuModel::name);
  return found == std::end(kModels) ? nullptr : found;
}

const GpuModel& choose_model(std::string_view name, std::string_view architecture) {
  if (const GpuModel* named = find_model(name)) return *named;
  const auto* found = std::ranges::find(kModels, architecture, &GpuModel::architecture);
  return found == std::end(kModels) ? kModels[0] : *found;
}

}  // namespace foldconv::tool
