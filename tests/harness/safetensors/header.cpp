// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "harness/safetensors/safetensors.hpp"

namespace foldconv::harness {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxRank = 64;  // that of PyTorch and NumPy

constexpr const char* kMetadata = "__metadata__";

const std::map<std::string_view, std::uint64_t> kBits = {
    {"BOOL", 8},    {"U8", 8},          {"I8", 8},      {"I16", 16},        {"U16", 16},
    {"I32", 32},    {"U32", 32},        {"I64", 64},    {"U64", 64},        {"F16", 16},
    {"BF16", 16},   {"F32", 32},        {"F64", 64},    {"C64", 64},        {"F4", 4},
    {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"F8_E4M3", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2", 8},
    {"F8_E8M0", 8}, {"F8_E5M2FNUZ", 8},
};

template <class... Part>
[[noreturn]] void refuse(const Part&... parts) {
  std::ostringstream what;
  (what << ... << parts);
  throw Error(ErrorCode::invalid_argument, what.str());
}

// What stands under this key of the header.
std::string entry(const std::string& key) {
  return (key == kMetadata ? "" : "tensor ") + printable(key);
}

std::string in_words(const json& value) {
  if (value.is_structured()) return value.is_array() ? "an array" : "an object";
  return value.is_string() ? "the text " + printable(std::string(value)) : value.dump();
}

void require(bool right, const std::string& what, const json& value, const char* wanted) {
  if (!right) refuse(what, " is ", in_words(value), "; wanted is ", wanted);
}

// Of a key that stands twice the parser would keep the last value.
json parse_without_repeats(std::string_view text) {
  std::array<std::set<std::string>, 2> keys;  // of the header, and of the object under `outer`
  std::string outer;
  const auto check_key = [&](int depth, json::parse_event_t event, const json& key) {
    if (event != json::parse_event_t::key || depth > 2) return true;
    if (depth == 1) {
      outer = key;
      keys[1].clear();
    }
    if (!keys[depth == 1 ? 0 : 1].insert(key).second) {
      refuse(depth == 1 ? "" : printable(std::string(key)) + " of ", entry(outer),
             " is there twice");
    }
    return true;
  };
  try {
    return json::parse(text, check_key);
  } catch (const json::parse_error& error) {
    refuse("the header is no valid JSON in UTF-8 at its byte ", error.byte);
  } catch (const json::out_of_range&) {
    refuse("the header holds a number beyond all ranges");
  }
}

std::vector<std::uint64_t> integers_of(const std::string& what, const json& value) {
  require(value.is_array(), what, value, "an array of integers");
  for (const json& number : value) {
    if (number.is_number_unsigned()) continue;
    refuse(what, " holds ", in_words(number), "; wanted are integers from 0 to 2^64 - 1");
  }
  return value;
}

TensorInfo tensor_of(const std::string& name, const json& object) {
  const std::string tensor = entry(name);
  require(object.is_object(), tensor, object, "an object of dtype, shape and data_offsets");
  TensorInfo info{.name = name};
  std::vector<std::uint64_t> offsets;
  for (const auto& [key, value] : object.items()) {
    const std::string member = printable(key) + " of " + tensor;
    if (key == "dtype") {
      require(value.is_string(), member, value, "text");
      info.dtype = value;
    } else if (key == "shape") {
      info.shape = integers_of(member, value);
    } else if (key == "data_offsets") {
      offsets = integers_of(member, value);
    } else {
      refuse(tensor, " has a member ", printable(key),
             "; only dtype, shape and data_offsets are known");
    }
  }
  for (const char* key : {"dtype", "shape", "data_offsets"}) {
    if (!object.contains(key)) refuse(tensor, " has no ", printable(key));
  }
  if (info.shape.size() > kMaxRank) refuse(tensor, " has more than ", kMaxRank, " dimensions");
  if (offsets.size() != 2) {
    refuse("`data_offsets` of ", tensor, " holds ", offsets.size(),
           " numbers; wanted are [begin, end]");
  }
  info.begin = offsets[0];
  info.end = offsets[1];
  return info;
}

// Its dtype, and that its offsets lie in the data and hold its shape.
void check_tensor(const TensorInfo& info, std::uint64_t data_bytes) {
  const std::string tensor = entry(info.name);
  const auto bits_per_element = kBits.find(info.dtype);
  if (bits_per_element == kBits.end()) {
    refuse(tensor, " has the unknown dtype ", printable(info.dtype));
  }
  const std::string offsets = "data_offsets " + to_string({info.begin, info.end});
  if (info.begin > info.end || info.end > data_bytes) {
    refuse(tensor, " has ", offsets, "; wanted is begin <= end <= ", data_bytes,
           ", the bytes of data in the file");
  }
  std::uint64_t bits = 1;
  bool overflows = false;
  for (const std::uint64_t size : info.shape)
    overflows |= __builtin_mul_overflow(bits, size, &bits);
  overflows |= __builtin_mul_overflow(bits, bits_per_element->second, &bits);
  const std::string shaped = tensor + " of " + info.dtype + ", shape " + to_string(info.shape);
  if (overflows || bits % 8 != 0) refuse(shaped, " is no whole number of bytes below 2^61");
  if (info.end - info.begin != bits / 8) {
    refuse(shaped, " needs ", bits / 8, " bytes, its ", offsets, " hold ", info.end - info.begin);
  }
}

// Every byte of the data belongs to one tensor.
void check_cover(std::vector<TensorInfo> tensors, std::uint64_t data_bytes) {
  const auto place = [](const TensorInfo& info) { return std::pair(info.begin, info.end); };
  std::ranges::sort(tensors, {}, place);
  tensors.push_back({.name = "", .begin = data_bytes, .end = data_bytes});
  std::uint64_t covered = 0;
  for (const TensorInfo& info : tensors) {
    if (info.begin > covered) {
      refuse("bytes ", covered, " to ", info.begin, " of the data belong to no tensor");
    }
    if (info.begin < covered) {
      refuse(entry(info.name), " begins at byte ", info.begin,
             " of the data, inside another tensor, which ends at ", covered);
    }
    covered = info.end;
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_bytes) {
  if (!text.starts_with('{')) refuse("the header does not begin with {");
  // The parser would take it for the end of the text.
  if (const std::size_t zero = text.find('\0'); zero != text.npos) {
    refuse("the header holds a zero byte, at its byte ", zero + 1);
  }
  const json entries = parse_without_repeats(text);
  SafetensorsHeader header;
  for (const auto& [name, value] : entries.items()) {
    if (name != kMetadata) {
      check_tensor(header.tensors.emplace_back(tensor_of(name, value)), data_bytes);
      continue;
    }
    require(value.is_object(), entry(name), value, "an object of texts");
    for (const auto& [key, one] : value.items()) {
      require(one.is_string(), printable(key) + " of " + entry(name), one, "text");
      header.metadata[key] = one;
    }
  }
  check_cover(header.tensors, data_bytes);
  return header;
}

}  // namespace foldconv::harness
