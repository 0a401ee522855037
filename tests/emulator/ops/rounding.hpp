// SPDX-License-Identifier: MIT
// Directed rounding: .rz, .rm, .rp.
#pragma once

#include <cfenv>

namespace cuemu {

class Decoder;

// The FE_ constant of the instruction's rounding modifier.
int rounding_of(const Decoder& d);

// Sets the host's rounding mode. Loads and stores of lanes do not move across its calls, and so
// neither does the arithmetic between them.
class RoundingScope {
 public:
  explicit RoundingScope(int mode) { std::fesetround(mode); }
  ~RoundingScope() { std::fesetround(FE_TONEAREST); }
  RoundingScope(const RoundingScope&) = delete;
  RoundingScope& operator=(const RoundingScope&) = delete;
};

}  // namespace cuemu
