// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.hpp"
#include "base/file_format.hpp"
#include "base/internals.hpp"
#include "base/text.hpp"
#include "foldconv/safetensors.hpp"
#include "weights/file_bytes.hpp"
#include "weights/safetensors_header.hpp"

namespace foldconv::safetensors {

static_assert(std::endian::native == std::endian::little, "bytes are taken as they are");

struct StateDict::Data {
  std::string source;
  std::span<const std::byte> values;  // behind the header
  host::SafetensorsHeader header;
  std::shared_ptr<const void> owner;
  std::shared_ptr<const host::FileBytes> file;  // null: not read from one
};

namespace {

using host::text;

constexpr std::string_view kDamaged = "; the file is damaged or not safetensors: write it again";

// What all tensors are found in: the header's end, and what it says.
Result<std::pair<host::SafetensorsHeader, std::size_t>> header_of(
    std::span<const std::byte> bytes) {
  const auto wrong = [](const auto&... parts) {
    return Status(ErrorCode::invalid_argument, text(parts...));
  };
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) {
    return wrong("it has ", bytes.size(), " bytes, a safetensors file at least ", sizeof length);
  }
  std::memcpy(&length, bytes.data(), sizeof length);
  const std::uint64_t room = bytes.size() - sizeof length;
  if (length > room) {
    return wrong("its header claims ", length, " bytes, the file has ", room, " for it");
  }
  if (length > kMaxHeaderBytes) {
    return wrong("its header has ", length, " bytes, more than ", kMaxHeaderBytes);
  }
  const char* json = reinterpret_cast<const char*>(bytes.data() + sizeof length);
  Result<host::SafetensorsHeader> header =
      host::parse_safetensors_header({json, length}, room - length);
  if (!header.ok()) return header.status();
  return std::pair(*std::move(header), sizeof length + length);
}

float f16_value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 0x3ff;
  float magnitude = 0;
  if (exponent == 31) {
    magnitude = mantissa == 0 ? std::numeric_limits<float>::infinity()
                              : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  } else {
    magnitude = std::bit_cast<float>((exponent + 112) << 23 | mantissa << 13);
  }
  return std::copysign(magnitude, (bits & 0x8000) != 0 ? -1.0f : 1.0f);
}

float bf16_value(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

// The elements one after the other: bytes have no alignment.
template <class Element, class ValueOf>
std::vector<float> converted(std::span<const std::byte> bytes, ValueOf value_of) {
  std::vector<float> values(bytes.size() / sizeof(Element));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof element, sizeof element);
    values[i] = value_of(element);
  }
  return values;
}

// The first finite element that is none in fp32, or none: their number.
std::size_t first_overflow(std::span<const std::byte> bytes, std::span<const float> rounded) {
  std::size_t i = 0;
  for (; i < rounded.size(); ++i) {
    double element = 0;
    std::memcpy(&element, bytes.data() + i * sizeof element, sizeof element);
    if (std::isinf(rounded[i]) && !std::isinf(element)) break;
  }
  return i;
}

Result<std::vector<float>> values_of(const TensorInfo& info, std::span<const std::byte> bytes) {
  if (info.dtype == "F16") return converted<std::uint16_t>(bytes, f16_value);
  if (info.dtype == "BF16") return converted<std::uint16_t>(bytes, bf16_value);
  if (info.dtype == "F32") return converted<float>(bytes, [](float value) { return value; });
  if (info.dtype != "F64") {
    return Status(ErrorCode::unsupported,
                  text("tensor ", printable(info.name), " is of dtype ", info.dtype,
                       "; values are read from F16, BF16, F32 and F64"));
  }
  std::vector<float> values =
      converted<double>(bytes, [](double value) { return static_cast<float>(value); });
  if (const std::size_t i = first_overflow(bytes, values); i < values.size()) {
    return Status(ErrorCode::invalid_argument,
                  text("element ", i, " of the F64 tensor ", printable(info.name),
                       " is beyond the range of fp32; scale the weights before they are written"));
  }
  return values;
}

}  // namespace

std::string printable(std::string_view text) {
  return host::guarded_text([&] {
    std::size_t shown = std::min<std::size_t>(text.size(), 80);
    // No cut within a character of UTF-8.
    while (shown > 0 && shown < text.size() && (text[shown] & 0xc0) == 0x80) --shown;
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string shown_text = "`";
    for (const char c : text.substr(0, shown)) {
      const auto byte = static_cast<unsigned char>(c);
      if (std::iscntrl(byte) == 0) {
        shown_text += c;
      } else {
        shown_text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
      }
    }
    return shown_text + (shown < text.size() ? "...`" : "`");
  });
}

namespace {

// Of bytes that `owner` or `file` keeps.
Result<StateDict> state_dict_of(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                std::shared_ptr<const host::FileBytes> file,
                                std::string_view source) {
  auto header = header_of(bytes);
  if (!header.ok()) {
    const Status other = host::refuse_other_format(bytes, host::ModelFormat::safetensors);
    if (!other.ok()) return host::at(source, other);
    const Status& status = header.status();
    return host::at(source, Status(status.code(), text(status.message(), kDamaged)));
  }
  auto& [tensors, begin] = *header;
  return host::Internals::make<StateDict>(std::make_shared<const host::DataOf<StateDict>>(
      host::DataOf<StateDict>{std::string(source), bytes.subspan(begin), std::move(tensors),
                              std::move(owner), std::move(file)}));
}

}  // namespace

Result<StateDict> StateDict::read(const std::filesystem::path& file) {
  return host::guarded([&]() -> Result<StateDict> {
    Result<std::shared_ptr<const host::FileBytes>> opened = host::FileBytes::open(file);
    if (!opened.ok()) return host::at(file.string(), host::refuse_unopened(file, opened.status()));
    const std::span<const std::byte> bytes = (*opened)->bytes();
    return state_dict_of(bytes, {}, *std::move(opened), file.string());
  });
}

Result<StateDict> StateDict::read(std::span<const std::byte> bytes,
                                  std::shared_ptr<const void> owner, std::string_view source) {
  return host::guarded([&] { return state_dict_of(bytes, std::move(owner), {}, source); });
}

const std::string& StateDict::source() const noexcept {
  return data_->source;
}
const std::vector<TensorInfo>& StateDict::tensors() const noexcept {
  return data_->header.tensors;
}
const std::map<std::string, std::string>& StateDict::metadata() const noexcept {
  return data_->header.metadata;
}

std::vector<std::string> StateDict::names() const {
  try {
    std::vector<std::string> names;
    for (const TensorInfo& info : tensors()) names.push_back(info.name);
    return names;
  } catch (...) {
    return {};
  }
}

const TensorInfo* StateDict::find(std::string_view name) const noexcept {
  const auto found = std::ranges::lower_bound(tensors(), name, {}, &TensorInfo::name);
  return found != tensors().end() && found->name == name ? &*found : nullptr;
}

Result<Constant> StateDict::tensor(std::string_view name) const {
  return host::guarded([&]() -> Result<Constant> {
    const TensorInfo* info = find(name);
    if (info == nullptr) {
      return host::at(
          source(), Status(ErrorCode::invalid_argument, text("there is no tensor ", printable(name),
                                                             "; give the name of one of the ",
                                                             tensors().size(), " that are there")));
    }
    if (data_->file && !data_->file->has_its_length()) {
      return host::at(source(),
                      Status(ErrorCode::invalid_argument,
                             text("tensor ", printable(name), " cannot be read; the file had ",
                                  data_->file->bytes().size(),
                                  " bytes when it was opened: leave it alone while it is read")));
    }
    const std::span<const std::byte> bytes =
        data_->values.subspan(info->begin, info->end - info->begin);
    const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(float) == 0;
    if (info->dtype == "F32" && aligned) {
      const auto* first = reinterpret_cast<const float*>(bytes.data());
      return Constant(info->extents, {first, bytes.size() / sizeof(float)}, data_);
    }
    Result<std::vector<float>> values = values_of(*info, bytes);
    if (!values.ok()) return host::at(source(), values.status());
    return Constant(info->extents, *std::move(values));
  });
}

}  // namespace foldconv::safetensors
