// SPDX-License-Identifier: MIT
#include "harness/safetensors/header.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "harness/safetensors/messages.hpp"

namespace foldconv::harness {
namespace {

constexpr std::size_t kMaxRank = 64;  // that of PyTorch and NumPy

constexpr std::string_view kMetadata = "__metadata__";

struct DType {
  std::string_view name;
  unsigned bits;
};
constexpr DType kDTypes[] = {
    {"BOOL", 8},    {"U8", 8},          {"I8", 8},      {"I16", 16},        {"U16", 16},
    {"I32", 32},    {"U32", 32},        {"I64", 64},    {"U64", 64},        {"F16", 16},
    {"BF16", 16},   {"F32", 32},        {"F64", 64},    {"C64", 64},        {"F4", 4},
    {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"F8_E4M3", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2", 8},
    {"F8_E8M0", 8}, {"F8_E5M2FNUZ", 8},
};

std::string tensor(const std::string& name) {
  return "tensor " + printable(name);
}

// Takes the header's events, as nlohmann::json::sax_parse calls them. Nothing nests deeper than a
// shape, so neither does this.
class Handler {
 public:
  explicit Handler(const std::string& file) : file_(file) {}

  SafetensorsHeader header;

  bool null() { refuse("null"); }
  bool boolean(bool value) { refuse(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) { refuse(std::to_string(value)); }
  bool number_float(double, const std::string& text) { refuse(printable(text)); }
  bool binary(std::vector<std::uint8_t>&) { refuse("binary"); }

  bool number_unsigned(std::uint64_t value) {
    if (place_ == Place::shape) {
      if (last().shape.size() == kMaxRank) {
        fail(tensor(name_) + " has more than " + std::to_string(kMaxRank) + " dimensions");
      }
      last().shape.push_back(value);
    } else if (place_ == Place::offsets) {
      if (offsets_given_ < offsets_.size()) offsets_[offsets_given_] = value;
      ++offsets_given_;
    } else {
      refuse(std::to_string(value));
    }
    return true;
  }

  bool string(std::string& value) {
    if (place_ == Place::metadata) {
      header.metadata[key_] = std::move(value);
    } else if (place_ == Place::tensor && member_ == Member::dtype) {
      last().dtype = std::move(value);
    } else {
      refuse("the text " + printable(value));
    }
    return true;
  }

  bool start_object(std::size_t) {
    if (place_ == Place::outside) {
      place_ = Place::top;
    } else if (place_ != Place::top) {
      refuse("an object");
    } else if (name_ == kMetadata) {
      if (std::exchange(metadata_given_, true)) fail("`__metadata__` is there twice");
      place_ = Place::metadata;
    } else {
      place_ = Place::tensor;
      given_ = {};
      header.tensors.emplace_back().name = name_;
    }
    return true;
  }

  bool key(std::string& key) {
    if (place_ == Place::top) {
      name_ = std::move(key);
      return true;
    }
    if (place_ == Place::metadata) {
      if (!header.metadata.try_emplace(key).second) {
        fail(printable(key) + " of `__metadata__` is there twice");
      }
      key_ = std::move(key);
      return true;
    }
    const auto known = std::find(kMembers.begin(), kMembers.end(), key);
    if (known == kMembers.end()) {
      fail(tensor(name_) + " has a member " + printable(key) +
           "; only dtype, shape and data_offsets are known");
    }
    const auto index = static_cast<std::size_t>(known - kMembers.begin());
    if (std::exchange(given_[index], true)) {
      fail(printable(key) + " of " + tensor(name_) + " is there twice");
    }
    member_ = static_cast<Member>(index);
    return true;
  }

  bool end_object() {
    for (std::size_t i = 0; place_ == Place::tensor && i < kMembers.size(); ++i) {
      if (!given_[i]) fail(tensor(name_) + " has no " + printable(kMembers[i]));
    }
    place_ = place_ == Place::top ? Place::outside : Place::top;
    return true;
  }

  bool start_array(std::size_t) {
    if (place_ != Place::tensor || member_ == Member::dtype) refuse("an array");
    place_ = member_ == Member::shape ? Place::shape : Place::offsets;
    offsets_given_ = 0;
    return true;
  }

  bool end_array() {
    if (place_ == Place::offsets) {
      if (offsets_given_ != offsets_.size()) {
        fail("`data_offsets` of " + tensor(name_) + " holds " + std::to_string(offsets_given_) +
             " numbers; wanted are [begin, end]");
      }
      last().begin = offsets_[0];
      last().end = offsets_[1];
    }
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    fail("the header is no valid JSON in UTF-8 at its byte " + std::to_string(position));
  }

 private:
  enum class Place { outside, top, metadata, tensor, shape, offsets };
  enum class Member { dtype, shape, data_offsets };
  static constexpr std::array<std::string_view, 3> kMembers = {"dtype", "shape", "data_offsets"};

  TensorInfo& last() { return header.tensors.back(); }

  [[noreturn]] void fail(const std::string& what) const { malformed(file_, what); }

  // A value of another kind than its place wants.
  [[noreturn]] void refuse(const std::string& value) const {
    const std::string is = " is " + value + "; wanted is ";
    if (place_ == Place::outside) fail("the header" + is + "an object");
    if (place_ == Place::metadata) fail(printable(key_) + " of `__metadata__`" + is + "text");
    if (place_ == Place::top) {
      if (name_ == kMetadata) fail("`__metadata__`" + is + "an object of texts");
      fail(tensor(name_) + is + "an object of dtype, shape and data_offsets");
    }
    const std::string member =
        printable(kMembers[static_cast<std::size_t>(member_)]) + " of " + tensor(name_);
    if (place_ != Place::tensor) {
      fail(member + " holds " + value + "; wanted are integers from 0 to 2^64 - 1");
    }
    fail(member + is + (member_ == Member::dtype ? "text" : "an array of integers"));
  }

  const std::string& file_;
  Place place_ = Place::outside;
  std::string name_;  // of the tensor
  std::string key_;   // of the metadata
  Member member_ = Member::dtype;
  std::array<bool, 3> given_ = {};
  std::array<std::uint64_t, 2> offsets_ = {};
  std::size_t offsets_given_ = 0;
  bool metadata_given_ = false;
};

// Nothing where it is not a whole number of bytes below 2^61.
std::optional<std::uint64_t> bytes_of(const TensorInfo& info, unsigned bits_per_element) {
  std::uint64_t bits = 1;
  for (const std::uint64_t size : info.shape) {
    if (__builtin_mul_overflow(bits, size, &bits)) return std::nullopt;
  }
  if (__builtin_mul_overflow(bits, bits_per_element, &bits) || bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

void check_tensor(const std::string& file, const TensorInfo& info, std::uint64_t data_bytes) {
  const auto* dtype = std::ranges::find(kDTypes, info.dtype, &DType::name);
  if (dtype == std::end(kDTypes)) {
    malformed(file, tensor(info.name) + " has the unknown dtype " + printable(info.dtype));
  }
  const std::string offsets =
      "data_offsets [" + std::to_string(info.begin) + ", " + std::to_string(info.end) + "]";
  if (info.begin > info.end || info.end > data_bytes) {
    malformed(file, tensor(info.name) + " has " + offsets + "; wanted is begin <= end <= " +
                        std::to_string(data_bytes) + ", the bytes of data in the file");
  }
  const std::optional<std::uint64_t> bytes = bytes_of(info, dtype->bits);
  const std::string shaped =
      tensor(info.name) + " of " + info.dtype + ", shape " + to_string(info.shape);
  if (!bytes) malformed(file, shaped + " is no whole number of bytes below 2^61");
  if (info.end - info.begin != *bytes) {
    malformed(file, shaped + " needs " + std::to_string(*bytes) + " bytes, its " + offsets +
                        " hold " + std::to_string(info.end - info.begin));
  }
}

// Every byte of the data belongs to one tensor.
void check_cover(const std::string& file, const std::vector<TensorInfo>& tensors,
                 std::uint64_t data_bytes) {
  std::vector<const TensorInfo*> by_place;
  for (const TensorInfo& info : tensors) by_place.push_back(&info);
  std::ranges::sort(by_place, {},
                    [](const TensorInfo* info) { return std::pair(info->begin, info->end); });
  std::uint64_t covered = 0;
  const auto expect_no_hole = [&](std::uint64_t end) {
    if (end <= covered) return;
    malformed(file, "bytes " + std::to_string(covered) + " to " + std::to_string(end) +
                        " of the data belong to no tensor");
  };
  for (const TensorInfo* info : by_place) {
    expect_no_hole(info->begin);
    if (info->begin < covered) {
      malformed(file, tensor(info->name) + " begins at byte " + std::to_string(info->begin) +
                          " of the data, inside another tensor, which ends at " +
                          std::to_string(covered));
    }
    covered = info->end;
  }
  expect_no_hole(data_bytes);
}

}  // namespace

std::uint64_t TensorInfo::elements() const {
  std::uint64_t product = 1;
  for (const std::uint64_t size : shape) product *= size;
  return product;
}

std::string to_string(const std::vector<std::uint64_t>& shape) {
  std::string text;
  for (const std::uint64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

SafetensorsHeader parse_safetensors_header(const std::string& file, std::string_view json,
                                           std::uint64_t data_bytes) {
  if (!json.starts_with('{')) malformed(file, "the header does not begin with {");
  // The parser would take it for the end of the text.
  if (const std::size_t zero = json.find('\0'); zero != json.npos) {
    malformed(file, "the header holds a zero byte, at its byte " + std::to_string(zero + 1));
  }
  Handler handler(file);
  nlohmann::json::sax_parse(json.begin(), json.end(), &handler);

  std::vector<TensorInfo>& tensors = handler.header.tensors;
  std::ranges::sort(tensors, {}, &TensorInfo::name);
  const auto twice = std::ranges::adjacent_find(tensors, {}, &TensorInfo::name);
  if (twice != tensors.end()) malformed(file, tensor(twice->name) + " is there twice");
  for (const TensorInfo& info : tensors) check_tensor(file, info, data_bytes);
  check_cover(file, tensors, data_bytes);
  return std::move(handler.header);
}

}  // namespace foldconv::harness
