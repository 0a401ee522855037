// SPDX-License-Identifier: MIT
#include "measure/model.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace foldconv::tool {
namespace {

constexpr GpuModel kModels[] = {
    // Data sheet of the SXM5 board: 3.35 TB/s, 990 TFLOP/s dense, 67 TFLOP/s.
    {"h100", "H100 SXM", "90", 3.0e12, 800e12, 60e12},
    // Data sheet of the 80 GB SXM4 board: 2.04 TB/s, 312 TFLOP/s dense, 19.5 TFLOP/s.
    {"a100", "A100 SXM", "80", 1.55e12, 250e12, 18e12},
};

}  // namespace

std::string GpuModel::figures() const {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%.2f TB/s, %.0f TFLOP/s fp16 tensor, %.0f TFLOP/s fp32",
                bytes_per_second / 1e12, tensor_flops_per_second / 1e12,
                fp32_flops_per_second / 1e12);
  return text.data();
}

Traffic& Traffic::operator+=(const Traffic& other) {
  launches += other.launches;
  dram_bytes += other.dram_bytes;
  mma_instructions += other.mma_instructions;
  mma_flops += other.mma_flops;
  fma_flops += other.fma_flops;
  shared_wavefronts += other.shared_wavefronts;
  ideal_shared_wavefronts += other.ideal_shared_wavefronts;
  return *this;
}

double Traffic::wavefronts_over_ideal() const {
  if (ideal_shared_wavefronts == 0) return 0;
  return static_cast<double>(shared_wavefronts) / static_cast<double>(ideal_shared_wavefronts);
}

const char* to_string(Limit limit) {
  switch (limit) {
    case Limit::memory:
      return "memory";
    case Limit::tensor:
      return "tensor";
    case Limit::fp32:
      return "fp32";
  }
  return "unknown";
}

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

Floor floor_time(const GpuModel& model, const std::vector<Traffic>& launches) {
  Floor floor;
  double longest = 0;
  for (const Traffic& launch : launches) {
    const std::array<double, 3> seconds = {
        static_cast<double>(launch.dram_bytes) / model.bytes_per_second,
        static_cast<double>(launch.mma_flops) / model.tensor_flops_per_second,
        static_cast<double>(launch.fma_flops) / model.fp32_flops_per_second};
    const auto* worst = std::ranges::max_element(seconds);
    floor.seconds += *worst;
    if (*worst > longest) {
      longest = *worst;
      floor.limit = static_cast<Limit>(worst - seconds.begin());
    }
  }
  return floor;
}

}  // namespace foldconv::tool
