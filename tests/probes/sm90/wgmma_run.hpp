// SPDX-License-Identifier: MIT
// One wgmma on the device: an image of shared memory, descriptors, A's registers, accumulators.
#pragma once

#include <optional>

#include "probe/fragments.hpp"
#include "sm90/kernels.hpp"
#include "sm90/wgmma_layout.hpp"

namespace foldconv::probes {

const NumberFormat& number_format(WgmmaType type);

// All compiled instructions for one turn (those for timing have more).
std::vector<WgmmaKey> wgmma_keys();
std::string describe(const WgmmaKey& key);  // "ss_f16_n64"

class WgmmaImage {
 public:
  WgmmaImage() : bytes_(kWgmmaImageBytes) {}
  void set(std::uint32_t offset, std::uint32_t bits, const NumberFormat& format);
  Words words() const;

 private:
  std::vector<std::uint8_t> bytes_;
};

struct WgmmaInput {
  WgmmaImage image;
  WgmmaLayout a, b;
  std::optional<Matrix> a_registers;  // 64 x K
  Words a_raw;                        // instead: register i of thread t at 128 * i + t
  std::optional<Matrix> c;            // 64 x N; none: scale-d is 0, and D holds NaNs before
};

struct WgmmaOutput {
  Words registers;  // register i of thread t at 128 * i + t
  Matrix d;         // 64 x N, by the layout of the PTX ISA
  std::uint64_t cycles;
};

WgmmaOutput run_wgmma(const WgmmaKey& key, const WgmmaInput& input);

}  // namespace foldconv::probes
