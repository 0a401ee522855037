// SPDX-License-Identifier: MIT
#include "harness/safetensors/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>

#include "harness/oracle/rounding.hpp"
#include "harness/safetensors/messages.hpp"

namespace foldconv::harness {
namespace {

static_assert(std::endian::native == std::endian::little, "bytes are taken as they are");

constexpr std::uint64_t kLengthBytes = 8;

}  // namespace

Safetensors::Safetensors(ByteSource source) : source_(std::move(source)) {
  if (source_.size < kLengthBytes) {
    malformed(file(),
              "it has " + std::to_string(source_.size) + " bytes, a safetensors file at least 8");
  }
  std::array<std::byte, kLengthBytes> prefix;
  source_.read(0, prefix);
  const auto length = std::bit_cast<std::uint64_t>(prefix);
  const std::uint64_t room = source_.size - kLengthBytes;
  if (length > room) {
    malformed(file(), "its header claims " + std::to_string(length) + " bytes, the file has " +
                          std::to_string(room) + " for it");
  }
  if (length > kMaxSafetensorsHeader) {
    malformed(file(), "its header has " + std::to_string(length) + " bytes, more than " +
                          std::to_string(kMaxSafetensorsHeader));
  }
  std::string json(static_cast<std::size_t>(length), '\0');
  source_.read(kLengthBytes, std::as_writable_bytes(std::span(json)));
  header_ = parse_safetensors_header(file(), json, room - length);
  data_begin_ = kLengthBytes + length;
}

const TensorInfo* Safetensors::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(tensors(), name, {}, &TensorInfo::name);
  return found != tensors().end() && found->name == name ? &*found : nullptr;
}

std::vector<float> Safetensors::values(std::string_view name) const {
  const TensorInfo* info = find(name);
  if (info == nullptr) {
    fail(file(), "there is no tensor " + printable(name) + "; give the name of one of the " +
                     std::to_string(tensors().size()) + " that are there");
  }
  const auto read = [&] {
    std::vector<std::byte> bytes(static_cast<std::size_t>(info->end - info->begin));
    source_.read(data_begin_ + info->begin, bytes);
    return bytes;
  };
  if (info->dtype == "F16") return oracle::decode(DataType::f16, read());
  if (info->dtype == "BF16") return oracle::decode(DataType::bf16, read());
  if (info->dtype == "F32") return oracle::decode(DataType::f32, read());
  if (info->dtype != "F64") {
    fail(file(),
         "tensor " + printable(name) + " is of dtype " + info->dtype +
             "; values are read from F16, BF16, F32 and F64",
         ErrorCode::unsupported);
  }
  const std::vector<std::byte> bytes = read();
  std::vector<float> floats(bytes.size() / sizeof(double));
  for (std::size_t i = 0; i < floats.size(); ++i) {
    double wide = 0;
    std::memcpy(&wide, bytes.data() + i * sizeof wide, sizeof wide);
    floats[i] = static_cast<float>(wide);
    if (std::isinf(floats[i]) && !std::isinf(wide)) {
      fail(file(), "element " + std::to_string(i) + " of the F64 tensor " + printable(name) +
                       " is beyond the range of fp32; scale the weights before they are written");
    }
  }
  return floats;
}

}  // namespace foldconv::harness
