// SPDX-License-Identifier: MIT
// Which devices compiled kernels run on.
#pragma once

#include <string>

#include "base/text.hpp"

namespace foldconv::host {

// Named as nvcc's targets are. Code for sm_80 runs on every later device, as PTX if need be; code
// for a target with an "a", such as sm_90a, on just that compute capability.
struct Arch {
  int capability = 0;  // compute capability times 10
  bool only = false;   // no other one

  constexpr bool runs_on(int device_capability) const {
    return only ? device_capability == capability : device_capability >= capability;
  }
};

// "8.0"
inline std::string dotted(int capability) {
  return text(capability / 10, ".", capability % 10);
}

namespace arch {
inline constexpr Arch sm80 = {80};
inline constexpr Arch sm90a = {90, true};
}  // namespace arch

}  // namespace foldconv::host
