// SPDX-License-Identifier: MIT
// Dot products whose result shows how a tensor core sums and rounds: the same for mma and wgmma.
#pragma once

#include <string>
#include <vector>

#include "probe/number_format.hpp"
#include "probe/probe.hpp"

namespace foldconv::probes {

struct DotProduct {
  Words a, b;           // encoded, as many as one instruction sums
  std::uint32_t c = 0;  // fp32 bits
};

// kept_bits      1 + 2^-t - 1 at three places: how far below the largest product bits survive
// accumulator    c = 1 with products around its last bit; c = 2^24 with ones
// rounding       c and one product, their sum between two floats: at ties and beside them
// order          big at p, -big at q, small at r, for every p < q: which are summed first
// subnormals     smallest numbers of the inputs and of fp32
// signs          sums that are zero: which zero
// special        infinities, NaNs with payloads, overflow; of tf32, the bits that it drops
// random         numbers of many magnitudes, to fit a model to
const std::vector<std::string>& dot_product_families();
std::vector<DotProduct> dot_products(const std::string& family, const NumberFormat& format);

}  // namespace foldconv::probes
