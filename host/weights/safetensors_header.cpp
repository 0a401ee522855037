// SPDX-License-Identifier: MIT
// nlohmann_json reads the text and calls HeaderReader for each thing in it; no tree is built, so that a header takes no
// more memory than what is kept of it, and no depth of nesting takes stack. No call of it throws on what a file holds.
#include "weights/safetensors_header.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "base/text.hpp"

namespace foldconv::host {
namespace {

using safetensors::printable;
using safetensors::TensorInfo;

constexpr std::size_t kMaxRank = 64;  // that of PyTorch and NumPy

constexpr std::string_view kMetadata = "__metadata__";

struct DTypeBits {
  std::string_view name;
  std::uint64_t bits;
};
constexpr DTypeBits kDTypes[] = {
    {"BOOL", 8},    {"U8", 8},          {"I8", 8},      {"I16", 16},        {"U16", 16},
    {"I32", 32},    {"U32", 32},        {"I64", 64},    {"U64", 64},        {"F16", 16},
    {"BF16", 16},   {"F32", 32},        {"F64", 64},    {"C64", 64},        {"F4", 4},
    {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"F8_E4M3", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2", 8},
    {"F8_E8M0", 8}, {"F8_E5M2FNUZ", 8},
};

template <class... Part>
Status damaged(const Part&... parts) {
  return Status(ErrorCode::invalid_argument, text(parts...));
}

// As it stands in the header: "[64, 3]".
std::string list_of(std::span<const std::uint64_t> numbers) {
  std::string out;
  for (const std::uint64_t number : numbers) append(out += out.empty() ? "" : ", ", number);
  return text('[', out, ']');
}

// What stands under this key of the header.
std::string entry(std::string_view key) {
  return text(key == kMetadata ? "" : "tensor ", printable(key));
}

// A tensor's entry as far as it is read.
struct HeaderEntry {
  std::string name;
  std::string dtype = {};
  std::vector<std::uint64_t> shape = {}, offsets = {};
  bool has_dtype = false, has_shape = false, has_offsets = false;

  // Whether a member was seen; null: there is no such member.
  bool* member(std::string_view key) {
    if (key == "dtype") return &has_dtype;
    if (key == "shape") return &has_shape;
    return key == "data_offsets" ? &has_offsets : nullptr;
  }
};

// Its dtype, and that its offsets lie in the data and hold its shape.
Result<TensorInfo> tensor_of(HeaderEntry&& read, std::uint64_t data_bytes) {
  const std::string tensor = entry(read.name);
  for (const auto& [has, key] :
       {std::pair(read.has_dtype, "dtype"), std::pair(read.has_shape, "shape"),
        std::pair(read.has_offsets, "data_offsets")}) {
    if (!has) return damaged(tensor, " has no ", printable(key));
  }
  const std::span<const std::uint64_t> shape = read.shape, offsets = read.offsets;
  if (offsets.size() != 2) {
    return damaged("`data_offsets` of ", tensor, " holds ", offsets.size(),
                   " numbers; wanted are [begin, end]");
  }
  const auto type = std::ranges::find(kDTypes, read.dtype, &DTypeBits::name);
  if (type == std::end(kDTypes)) {
    return damaged(tensor, " has the unknown dtype ", printable(read.dtype));
  }
  const std::uint64_t begin = offsets[0], end = offsets[1];
  const std::string placed = text("data_offsets ", list_of(offsets));
  if (begin > end || end > data_bytes) {
    return damaged(tensor, " has ", placed, "; wanted is begin <= end <= ", data_bytes,
                   ", the bytes of data in the file");
  }
  std::uint64_t bits = 1;
  bool overflows = false;
  for (const std::uint64_t size : shape) overflows |= __builtin_mul_overflow(bits, size, &bits);
  overflows |= __builtin_mul_overflow(bits, type->bits, &bits);
  const std::string shaped = text(tensor, " of ", type->name, ", shape ", list_of(shape));
  if (overflows || bits % 8 != 0) {
    return damaged(shaped, " is no whole number of bytes below 2^61");
  }
  if (end - begin != bits / 8) {
    return damaged(shaped, " needs ", bits / 8, " bytes, its ", placed, " hold ", end - begin);
  }
  // Without elements, none of the checks above bounds the others.
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (std::ranges::any_of(shape, [](std::uint64_t size) { return size > kMost; })) {
    return damaged(shaped, " holds a number above 2^63 - 1");
  }
  return TensorInfo{std::move(read.name), std::move(read.dtype),
                    Extents(shape.begin(), shape.end()), begin, end};
}

// Called by the parser for each thing in the text, in order; a call that returns false ends it.
class HeaderReader {
 public:
  HeaderReader(SafetensorsHeader& header, std::uint64_t data_bytes)
      : header_(header), data_bytes_(data_bytes) {}

  const Status& status() const { return status_; }

  bool null() { return not_wanted("null"); }
  bool boolean(bool truth) { return not_wanted(truth ? "true" : "false"); }
  bool number_integer(std::int64_t number) { return not_wanted(text(number)); }  // a negative one
  bool number_float(double, const std::string& digits) { return not_wanted(digits.substr(0, 40)); }
  bool binary(const nlohmann::json::binary_t&) { return not_wanted("binary"); }  // not in JSON

  bool number_unsigned(std::uint64_t number) {
    if (in_ != In::list) return not_wanted(text(number));
    std::vector<std::uint64_t>& list = member_ == "shape" ? entry_.shape : entry_.offsets;
    if (list.size() == kMaxRank) {
      return fail(damaged(entry(name_), " has more than ", kMaxRank, " dimensions"));
    }
    list.push_back(number);
    return true;
  }

  bool string(const std::string& content) {
    if (in_ == In::metadata) {
      header_.metadata[member_] = content;
    } else if (in_ == In::tensor && member_ == "dtype") {
      entry_.dtype = content;
    } else {
      return not_wanted(text("the text ", printable(content)));
    }
    return true;
  }

  bool start_object(std::size_t) {
    if (in_ == In::nothing) {
      in_ = In::header;
    } else if (in_ == In::header) {
      in_ = name_ == kMetadata ? In::metadata : In::tensor;
      entry_ = {.name = name_};
    } else {
      return not_wanted("an object");
    }
    return true;
  }

  bool end_object() {
    if (in_ == In::tensor) {
      Result<TensorInfo> info = tensor_of(std::move(entry_), data_bytes_);
      if (!info.ok()) return fail(info.status());
      header_.tensors.push_back(*std::move(info));
    }
    in_ = in_ == In::header ? In::nothing : In::header;
    return true;
  }

  bool start_array(std::size_t) {
    if (in_ != In::tensor || member_ == "dtype") return not_wanted("an array");
    in_ = In::list;
    return true;
  }

  bool end_array() {
    in_ = In::tensor;
    return true;
  }

  // Of a key that stands twice the last value would be kept. Names are compared when all are there.
  bool key(const std::string& key) {
    if (in_ == In::header) {
      name_ = key;
      if (key != kMetadata || !std::exchange(has_metadata_, true)) return true;
      return fail(damaged(entry(key), " is there twice"));
    }
    member_ = key;
    bool twice = false;
    if (in_ == In::metadata) {
      twice = header_.metadata.contains(key);
    } else if (bool* has = entry_.member(key)) {
      twice = std::exchange(*has, true);
    } else {
      return fail(damaged(entry(name_), " has a member ", printable(key),
                          "; only dtype, shape and data_offsets are known"));
    }
    return !twice || fail(damaged(printable(key), " of ", entry(name_), " is there twice"));
  }

  bool parse_error(std::size_t at_byte, const std::string&, const nlohmann::json::exception& why) {
    constexpr int kOutOfRange = 406;  // nlohmann_json's number for it
    if (why.id == kOutOfRange) return fail(damaged("the header holds a number beyond all ranges"));
    return fail(damaged("the header is no valid JSON in UTF-8 at its byte ", at_byte));
  }

 private:
  enum class In { nothing, header, metadata, tensor, list };

  bool fail(Status status) {
    status_ = std::move(status);
    return false;
  }

  // A value of another kind than what stands here.
  bool not_wanted(std::string_view value) {
    const std::string of = entry(name_);
    const std::string member = text(printable(member_), " of ", of);
    switch (in_) {
      case In::nothing:
        return fail(damaged("the header is ", value, "; wanted is an object"));
      case In::header:
        return fail(damaged(of, " is ", value, "; wanted is an object of ",
                            name_ == kMetadata ? "texts" : "dtype, shape and data_offsets"));
      case In::metadata:
        return fail(damaged(member, " is ", value, "; wanted is text"));
      case In::tensor:
        return fail(damaged(member, " is ", value, "; wanted is ",
                            member_ == "dtype" ? "text" : "an array of integers"));
      case In::list:
        break;
    }
    return fail(damaged(member, " holds ", value, "; wanted are integers from 0 to 2^64 - 1"));
  }

  SafetensorsHeader& header_;
  std::uint64_t data_bytes_;
  In in_ = In::nothing;
  std::string name_, member_;  // the last keys
  HeaderEntry entry_;
  bool has_metadata_ = false;
  Status status_;
};

// Every byte of the data belongs to one tensor.
Status check_cover(const std::vector<TensorInfo>& tensors, std::uint64_t data_bytes) {
  std::vector<const TensorInfo*> in_place;
  in_place.reserve(tensors.size() + 1);
  for (const TensorInfo& info : tensors) in_place.push_back(&info);
  const TensorInfo behind{
      .name = {}, .dtype = {}, .extents = {}, .begin = data_bytes, .end = data_bytes};
  in_place.push_back(&behind);
  std::ranges::stable_sort(
      in_place, {}, [](const TensorInfo* info) { return std::pair(info->begin, info->end); });
  std::uint64_t covered = 0;
  for (const TensorInfo* info : in_place) {
    if (info->begin > covered) {
      return damaged("bytes ", covered, " to ", info->begin, " of the data belong to no tensor");
    }
    if (info->begin < covered) {
      return damaged(entry(info->name), " begins at byte ", info->begin,
                     " of the data, inside another tensor, which ends at ", covered);
    }
    covered = info->end;
  }
  return {};
}

}  // namespace

Result<SafetensorsHeader> parse_safetensors_header(std::string_view json,
                                                   std::uint64_t data_bytes) {
  if (!json.starts_with('{')) return damaged("the header does not begin with {");
  // The parser would take it for the end of the text.
  if (const std::size_t zero = json.find('\0'); zero != json.npos) {
    return damaged("the header holds a zero byte, at its byte ", zero + 1);
  }
  SafetensorsHeader header;
  HeaderReader reader(header, data_bytes);
  if (!nlohmann::json::sax_parse(json, &reader)) return reader.status();
  std::ranges::sort(header.tensors, {}, &TensorInfo::name);
  const auto twice = std::ranges::adjacent_find(header.tensors, {}, &TensorInfo::name);
  if (twice != header.tensors.end()) return damaged(entry(twice->name), " is there twice");
  if (Status status = check_cover(header.tensors, data_bytes); !status.ok()) return status;
  return header;
}

}  // namespace foldconv::host
