// SPDX-License-Identifier: MIT
#include "layer/layer_sizes.hpp"

#include "base/enum_checks.hpp"
#include "base/error.hpp"
#include "base/pitch.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"

namespace foldconv::host {
namespace {

std::string listed(std::initializer_list<NamedSize> sizes) {
  std::string out;
  for (const NamedSize& size : sizes) {
    if (!out.empty()) append(out, ", ");
    append(out, text(size.name, " = ", size.value));
  }
  return out;
}

}  // namespace

Status check_tensor(DataType dtype, std::initializer_list<NamedSize> sizes) {
  if (Status status = check_data_type(dtype); !status.ok()) return status;
  std::optional<std::int64_t> bytes = static_cast<std::int64_t>(size_of(dtype));
  for (const NamedSize& size : sizes) {
    if (size.value < 1)
      return invalid("every size must be at least 1", listed(sizes), "give the sizes of a tensor");
    if (bytes) bytes = checked_product({*bytes, size.value});
  }
  if (!bytes)
    return invalid("the tensor is 2^63 bytes or more", listed(sizes), "use smaller sizes");
  return {};
}

Status check_pitches(DataType dtype, const LayerPitches& pitch, int c) {
  if (c < 1) return check_tensor(dtype, {{"c", c}});
  if (Status status = check_pitch("pitch.x", pitch.x, "c", c, dtype); !status.ok()) return status;
  return check_pitch("pitch.y", pitch.y, "c", c, dtype);
}

Status check_divisors(std::initializer_list<NamedSize> sizes) {
  for (const NamedSize& size : sizes) {
    if (size.value >> 31 != 0)
      return error(ErrorCode::unsupported, "an extent is 2^31 or more",
                   text(size.name, " = ", size.value), "use smaller sizes");
  }
  return {};
}

}  // namespace foldconv::host
