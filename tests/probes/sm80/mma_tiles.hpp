// SPDX-License-Identifier: MIT
// Many mma at once: 16 x K times K x 8, one for each warp.
#pragma once

#include "probe/fragments.hpp"
#include "sm80/kernels.hpp"

namespace foldconv::probes {

struct MmaFormat {
  MmaType type;
  const NumberFormat& number;
};
// Those that all have 4 registers of A, 2 of B and 4 of D.
const std::vector<MmaFormat>& mma_formats();

class MmaTiles {
 public:
  MmaTiles(const MmaFormat& format, int count);

  // By place in the matrices, or by register.
  void set_a(int tile, int row, int k, std::uint32_t bits);
  void set_b(int tile, int k, int column, std::uint32_t bits);
  void set_c(int tile, int row, int column, std::uint32_t bits);
  void set_a(int tile, const Place& place, std::uint32_t bits);
  void set_b(int tile, const Place& place, std::uint32_t bits);

  void run();
  std::uint32_t d(int tile, int row, int column) const;
  std::uint32_t d_register(int tile, int lane, int index) const;

 private:
  const MmaFormat& format_;
  int count_;
  Words a_, b_, c_, d_;
};

}  // namespace foldconv::probes
