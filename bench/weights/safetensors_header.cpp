#include "weights/safetensors_header.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "weights/printable.hpp"

namespace foldconv::tool {
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

Status malformed(const std::string& what) {
  return {ErrorCode::invalid_argument,
          what + "; the file is damaged or not safetensors: write it again"};
}

std::string tensor(const std::string& name) {
  return "tensor " + printable(name);
}

// Takes the header's events. Nothing nests deeper than a shape, so neither does this.
class Handler {
 public:
  std::vector<TensorInfo> tensors;
  Status status;

  // The interface that nlohmann::json::sax_parse expects.
  bool null() { return refuse("null"); }
  bool boolean(bool value) { return refuse(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) { return refuse(std::to_string(value)); }
  bool number_float(double, const std::string& text) { return refuse(printable(text)); }
  bool binary(std::vector<std::uint8_t>&) { return refuse("binary"); }

  bool number_unsigned(std::uint64_t value) {
    if (place_ == Place::shape) {
      if (tensors.back().shape.size() == kMaxRank) {
        return fail(tensor(name_) + " has more than " + std::to_string(kMaxRank) + " dimensions");
      }
      tensors.back().shape.push_back(value);
      return true;
    }
    if (place_ == Place::offsets) {
      if (offsets_given_ < offsets_.size()) offsets_[offsets_given_] = value;
      ++offsets_given_;
      return true;
    }
    return refuse(std::to_string(value));
  }

  bool string(std::string& value) {
    if (place_ == Place::metadata) return true;
    if (place_ != Place::tensor || member_ != Member::dtype)
      return refuse("the text " + printable(value));
    tensors.back().dtype = std::move(value);
    return true;
  }

  bool start_object(std::size_t) {
    if (place_ == Place::outside) {
      place_ = Place::top;
      return true;
    }
    if (place_ != Place::top) return refuse("an object");
    if (name_ == kMetadata) {
      if (std::exchange(metadata_given_, true)) return fail("`__metadata__` is there twice");
      place_ = Place::metadata;
      return true;
    }
    place_ = Place::tensor;
    given_ = {};
    tensors.emplace_back().name = name_;
    return true;
  }

  bool key(std::string& key) {
    if (place_ == Place::top) {
      name_ = std::move(key);
      return true;
    }
    if (place_ == Place::metadata) {
      metadata_keys_.push_back(std::move(key));
      return true;
    }
    const auto known = std::find(kMembers.begin(), kMembers.end(), key);
    if (known == kMembers.end()) {
      return fail(tensor(name_) + " has a member " + printable(key) +
                  "; only dtype, shape and data_offsets are known");
    }
    const auto index = static_cast<std::size_t>(known - kMembers.begin());
    if (std::exchange(given_[index], true)) {
      return fail(printable(key) + " of " + tensor(name_) + " is there twice");
    }
    member_ = static_cast<Member>(index);
    return true;
  }

  bool end_object() {
    if (place_ == Place::top) {
      place_ = Place::outside;
      return true;
    }
    if (place_ == Place::metadata) {
      std::sort(metadata_keys_.begin(), metadata_keys_.end());
      const auto twice = std::adjacent_find(metadata_keys_.begin(), metadata_keys_.end());
      if (twice != metadata_keys_.end()) {
        return fail(printable(*twice) + " of `__metadata__` is there twice");
      }
    } else {
      for (std::size_t i = 0; i < kMembers.size(); ++i) {
        if (!given_[i]) return fail(tensor(name_) + " has no " + printable(kMembers[i]));
      }
    }
    place_ = Place::top;
    return true;
  }

  bool start_array(std::size_t) {
    if (place_ != Place::tensor || member_ == Member::dtype) return refuse("an array");
    place_ = member_ == Member::shape ? Place::shape : Place::offsets;
    offsets_given_ = 0;
    return true;
  }

  bool end_array() {
    if (place_ == Place::offsets) {
      if (offsets_given_ != offsets_.size()) {
        return fail("`data_offsets` of " + tensor(name_) + " holds " +
                    std::to_string(offsets_given_) + " numbers; wanted are [begin, end]");
      }
      tensors.back().begin = offsets_[0];
      tensors.back().end = offsets_[1];
    }
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    return fail("the header is no valid JSON in UTF-8 at its byte " + std::to_string(position));
  }

 private:
  enum class Place { outside, top, metadata, tensor, shape, offsets };
  enum class Member { dtype, shape, data_offsets };
  static constexpr std::array<std::string_view, 3> kMembers = {"dtype", "shape", "data_offsets"};

  bool fail(const std::string& what) {
    status = malformed(what);
    return false;
  }

  // A value of another kind than its place wants.
  bool refuse(const std::string& value) {
    switch (place_) {
      case Place::outside:
        return fail("the header is " + value + "; wanted is an object");
      case Place::top:
        if (name_ == kMetadata) {
          return fail("`__metadata__` is " + value + "; wanted is an object of texts");
        }
        return fail(tensor(name_) + " is " + value +
                    "; wanted is an object of dtype, shape and data_offsets");
      case Place::metadata:
        return fail(printable(metadata_keys_.back()) + " of `__metadata__` is " + value +
                    "; wanted is text");
      case Place::tensor:
        return fail(printable(kMembers[static_cast<std::size_t>(member_)]) + " of " +
                    tensor(name_) + " is " + value + "; wanted is " +
                    (member_ == Member::dtype ? "text" : "an array of integers"));
      case Place::shape:
      case Place::offsets:
        return fail(printable(kMembers[static_cast<std::size_t>(member_)]) + " of " +
                    tensor(name_) + " holds " + value + "; wanted are integers from 0 to 2^64 - 1");
    }
    return false;
  }

  Place place_ = Place::outside;
  std::string name_;  // of the tensor
  Member member_ = Member::dtype;
  std::array<bool, 3> given_ = {};
  std::array<std::uint64_t, 2> offsets_ = {};
  std::size_t offsets_given_ = 0;
  bool metadata_given_ = false;
  std::vector<std::string> metadata_keys_;
};

// Nothing where it is not a whole number of bytes below 2^64.
std::optional<std::uint64_t> bytes_of(const TensorInfo& info, unsigned bits_per_element) {
  std::uint64_t bits = 1;
  for (const std::uint64_t size : info.shape) {
    if (__builtin_mul_overflow(bits, size, &bits)) return std::nullopt;
  }
  if (__builtin_mul_overflow(bits, bits_per_element, &bits) || bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

Status check_tensor(const TensorInfo& info, std::uint64_t data_bytes) {
  const auto dtype = std::find_if(std::begin(kDTypes), std::end(kDTypes),
                                  [&](const DType& known) { return known.name == info.dtype; });
  if (dtype == std::end(kDTypes)) {
    return malformed(tensor(info.name) + " has the unknown dtype " + printable(info.dtype));
  }
  const std::string offsets =
      "data_offsets [" + std::to_string(info.begin) + ", " + std::to_string(info.end) + "]";
  if (info.begin > info.end || info.end > data_bytes) {
    return malformed(tensor(info.name) + " has " + offsets + "; wanted is begin <= end <= " +
                     std::to_string(data_bytes) + ", the bytes of data in the file");
  }
  const std::optional<std::uint64_t> bytes = bytes_of(info, dtype->bits);
  if (!bytes) {
    return malformed(tensor(info.name) + " of " + info.dtype + ", shape " + to_string(info.shape) +
                     " is no whole number of bytes below 2^61");
  }
  if (info.end - info.begin != *bytes) {
    return malformed(tensor(info.name) + " of " + info.dtype + ", shape " + to_string(info.shape) +
                     " needs " + std::to_string(*bytes) + " bytes, its " + offsets + " hold " +
                     std::to_string(info.end - info.begin));
  }
  return {};
}

// Every byte of the data belongs to one tensor.
Status check_cover(const std::vector<TensorInfo>& tensors, std::uint64_t data_bytes) {
  std::vector<const TensorInfo*> by_place;
  for (const TensorInfo& info : tensors) by_place.push_back(&info);
  std::sort(by_place.begin(), by_place.end(), [](const TensorInfo* a, const TensorInfo* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::uint64_t covered = 0;
  const auto hole = [&](std::uint64_t end) {
    return malformed("bytes " + std::to_string(covered) + " to " + std::to_string(end) +
                     " of the data belong to no tensor");
  };
  for (const TensorInfo* info : by_place) {
    if (info->begin > covered) return hole(info->begin);
    if (info->begin < covered) {
      return malformed(tensor(info->name) + " begins at byte " + std::to_string(info->begin) +
                       " of the data, inside another tensor, which ends at " +
                       std::to_string(covered));
    }
    covered = info->end;
  }
  if (covered != data_bytes) return hole(data_bytes);
  return {};
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

Result<std::vector<TensorInfo>> parse_safetensors_header(std::string_view json,
                                                         std::uint64_t data_bytes) {
  if (!json.starts_with('{')) return malformed("the header does not begin with {");
  // The parser would take it for the end of the text.
  if (const std::size_t zero = json.find('\0'); zero != json.npos) {
    return malformed("the header holds a zero byte, at its byte " + std::to_string(zero + 1));
  }
  Handler handler;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &handler)) return handler.status;

  std::vector<TensorInfo>& tensors = handler.tensors;
  std::sort(tensors.begin(), tensors.end(),
            [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; });
  const auto twice =
      std::adjacent_find(tensors.begin(), tensors.end(),
                         [](const TensorInfo& a, const TensorInfo& b) { return a.name == b.name; });
  if (twice != tensors.end()) return malformed(tensor(twice->name) + " is there twice");
  for (const TensorInfo& info : tensors) {
    if (Status status = check_tensor(info, data_bytes); !status) return status;
  }
  if (Status status = check_cover(tensors, data_bytes); !status) return status;
  return std::move(tensors);
}

}  // namespace foldconv::tool
