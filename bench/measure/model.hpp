// SPDX-License-Identifier: MIT
// The floor model: how long a GPU would need at least for what the emulator counted. Not a
// measurement.
//
//   floor of a launch = max(bytes / bandwidth, tensor FLOPs / tensor rate, other FLOPs / fp32 rate)
//
// summed over the launches. It assumes that every SM is busy, the L2 cache is cold at each launch
// and large enough within it, and launches cost nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace foldconv::tool {

// Rates that well-written programs reach, not those of the data sheet.
struct GpuModel {
  const char* name;                // for --model
  const char* title;               // for people
  const char* architecture;        // compute capability without the dot
  double bytes_per_second;         // large copies
  double tensor_flops_per_second;  // large fp16 and bf16 matrix products
  double fp32_flops_per_second;    // without tensor cores

  std::string figures() const;  // "3.00 TB/s, 800 TFLOP/s fp16 tensor, 60 TFLOP/s fp32"
};

// What one or more launches did.
struct Traffic {
  std::uint64_t launches = 0;
  std::uint64_t dram_bytes = 0;
  std::uint64_t mma_instructions = 0;
  std::uint64_t mma_flops = 0;
  std::uint64_t fma_flops = 0;
  std::uint64_t shared_wavefronts = 0;
  std::uint64_t ideal_shared_wavefronts = 0;

  Traffic& operator+=(const Traffic& other);
  double wavefronts_over_ideal() const;  // 1: no bank conflicts; 0: no shared memory used
};

enum class Limit { memory, tensor, fp32 };
const char* to_string(Limit limit);

struct Floor {
  double seconds = 0;
  Limit limit = Limit::memory;  // of the longest launch
};

std::vector<std::string> model_names();
const GpuModel* find_model(std::string_view name);  // null: no such model
// The model of this name; without a name the one of this architecture, or else the first.
const GpuModel& choose_model(std::string_view name, std::string_view architecture);

// Each element of `launches` is one launch.
Floor floor_time(const GpuModel& model, const std::vector<Traffic>& launches);

}  // namespace foldconv::tool
