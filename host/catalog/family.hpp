// SPDX-License-Identifier: MIT
// The family of instructions of a convolution. It is chosen before the kernel, from what the layer is alone: never from its
// images, so that an image's bits depend on no batch.
#pragma once

#include <string>

#include "base/device.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::host {

// Whether a chip has confirmed what the sm_90 kernels take for granted: that its answers to the probes stand in
// tests/golden/sm90. Until then `automatic` is sm80.
inline constexpr bool kSm90Confirmed = false;

// "" if the sm_90 kernels take such a convolution, of whatever images; else the rule that fails, the value that fails it,
// and the nearest legal value where there is one. `problem` passed validate().
std::string sm90_rule(const ConvProblem& problem);

// "" unless these images are too many for the sm_90 kernels.
std::string sm90_size_rule(const ConvProblem& problem);

struct Family {
  Instructions instructions;  // sm80 or sm90
  std::string reason;
};

// Errors: invalid_argument (no such value), unsupported (asked for by name, and the device does not run them).
Status check_instructions(Instructions wanted, const DeviceFigures& device);

// Of convolutions that `rule`, "" or a refusal, says the sm_90 kernels do or do not take. `wanted` passed
// check_instructions().
Family family_by_rule(const std::string& rule, Instructions wanted, const DeviceFigures& device);

// Of one convolution.
Family family_of(const ConvProblem& problem, Instructions wanted, const DeviceFigures& device);

}  // namespace foldconv::host
