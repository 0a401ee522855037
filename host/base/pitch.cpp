// SPDX-License-Identifier: MIT
#include "base/pitch.hpp"

#include <limits>
#include <string>

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv::host {

Status check_pitch(const char* name, int pitch, const char* channels_name, int channels,
                   DataType dtype) {
  if (pitch == 0 || pitch == channels) return {};
  const int chunk = static_cast<int>(kAlignmentBytes / size_of(dtype));
  const auto refuse = [&](const std::string& rule, int nearest) {
    return invalid(
        rule,
        text(name, " = ", pitch, ", ", channels_name, " = ", channels, ", ", to_string(dtype)),
        text("use ", name, " = ", nearest, ", or 0 for a tensor of its own"));
  };
  if (pitch < channels)
    return refuse(text(name, " must be 0 or at least ", channels_name), channels);
  if (pitch % chunk == 0) return {};
  const int below = pitch / chunk * chunk;
  return refuse(text(name, " must be ", channels_name, " or a multiple of 16 bytes, which are ",
                     chunk, " elements"),
                below <= std::numeric_limits<int>::max() - chunk ? below + chunk : below);
}

}  // namespace foldconv::host
