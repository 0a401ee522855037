// SPDX-License-Identifier: MIT
#include "harness/safetensors/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <system_error>
#include <tuple>
#include <utility>

#include "harness/oracle/rounding.hpp"

namespace foldconv::harness {
namespace {

static_assert(std::endian::native == std::endian::little, "bytes are taken as they are");

template <class... Part>
[[noreturn]] void refuse(const Part&... parts) {
  std::ostringstream what;
  (what << ... << parts);
  throw Error(ErrorCode::invalid_argument, what.str());
}

std::unique_ptr<std::istream> opened(const std::filesystem::path& path) {
  const std::string named = path.string() + ": ";
  // Looked at before: to open a pipe would wait for its writer.
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  if (is_directory(status)) refuse(named, "it is a folder; give a file");
  if (exists(status) && !is_regular_file(status)) {
    refuse(named, "it is no regular file; give a file");
  }
  auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!file->is_open()) {
    refuse(named, "it cannot be opened: ", std::generic_category().message(errno),
           "; give a file that exists and may be read");
  }
  return file;
}

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

constexpr int kMostDepth = 8;  // a shape's numbers: 3

// Of a key that stands twice the parser would keep the last value.
json parse_without_repeats(std::string_view text) {
  std::array<std::set<std::string>, 2> keys;  // of the header, and of the object under `outer`
  std::string outer;
  const auto check_key = [&](int depth, json::parse_event_t event, const json& key) {
    if (depth > kMostDepth) refuse("the header nests deeper than any tensor's entry does");
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

// Tensors, sorted by name, and metadata. `data_bytes` follow the header in the file.
std::pair<std::vector<TensorInfo>, std::map<std::string, std::string>> parse_header(
    std::string_view text, std::uint64_t data_bytes) {
  if (!text.starts_with('{')) refuse("the header does not begin with {");
  // The parser would take it for the end of the text.
  if (const std::size_t zero = text.find('\0'); zero != text.npos) {
    refuse("the header holds a zero byte, at its byte ", zero + 1);
  }
  const json entries = parse_without_repeats(text);
  std::vector<TensorInfo> tensors;
  std::map<std::string, std::string> metadata;
  for (const auto& [name, value] : entries.items()) {
    if (name != kMetadata) {
      check_tensor(tensors.emplace_back(tensor_of(name, value)), data_bytes);
      continue;
    }
    require(value.is_object(), entry(name), value, "an object of texts");
    for (const auto& [key, one] : value.items()) {
      require(one.is_string(), printable(key) + " of " + entry(name), one, "text");
      metadata[key] = one;
    }
  }
  check_cover(tensors, data_bytes);
  return {tensors, metadata};
}

}  // namespace

std::string to_string(const std::vector<std::uint64_t>& shape) {
  std::string text;
  for (const std::uint64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

std::string printable(std::string_view text) {
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
}

Safetensors::Safetensors(const std::filesystem::path& file)
    : Safetensors(file.string(), opened(file)) {}

Safetensors::Safetensors(std::string name, std::unique_ptr<std::istream> bytes)
    : name_(std::move(name)), file_(std::move(bytes)) {
  file_->seekg(0, std::ios::end);
  size_ = static_cast<std::uint64_t>(file_->tellg());
  std::uint64_t length = 0;
  try {
    if (size_ < sizeof length) {
      refuse("it has ", size_, " bytes, a safetensors file at least ", sizeof length);
    }
    if (!read(0, &length, sizeof length)) refuse("it cannot be read");
    const std::uint64_t room = size_ - sizeof length;
    if (length > room) {
      refuse("its header claims ", length, " bytes, the file has ", room, " for it");
    }
    if (length > kMaxSafetensorsHeader) {
      refuse("its header has ", length, " bytes, more than ", kMaxSafetensorsHeader);
    }
    std::string json(length, '\0');
    if (!read(sizeof length, json.data(), length)) refuse("it cannot be read");
    data_begin_ = sizeof length + length;
    std::tie(tensors_, metadata_) = parse_header(json, room - length);
  } catch (const Error& error) {
    fail(std::string(error.what()) + "; the file is damaged or not safetensors: write it again");
  }
}

const TensorInfo* Safetensors::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(tensors_, name, {}, &TensorInfo::name);
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

std::vector<float> Safetensors::values(std::string_view name) const {
  const TensorInfo* info = find(name);
  if (info == nullptr) {
    fail("there is no tensor " + printable(name) + "; give the name of one of the " +
         std::to_string(tensors_.size()) + " that are there");
  }
  static const std::map<std::string_view, DataType> kTypes = {
      {"F16", DataType::f16}, {"BF16", DataType::bf16}, {"F32", DataType::f32}};
  const auto type = kTypes.find(info->dtype);
  if (type == kTypes.end() && info->dtype != "F64") {
    fail("tensor " + printable(name) + " is of dtype " + info->dtype +
             "; values are read from F16, BF16, F32 and F64",
         ErrorCode::unsupported);
  }
  std::vector<std::byte> encoded(info->end - info->begin);
  if (!read(data_begin_ + info->begin, encoded.data(), encoded.size())) {
    fail("tensor " + printable(name) + " cannot be read; the file had " + std::to_string(size_) +
         " bytes when it was opened: leave it alone while it is read");
  }
  if (type != kTypes.end()) return oracle::decode(type->second, encoded);
  std::vector<float> floats;
  for (std::size_t at = 0; at < encoded.size(); at += sizeof(double)) {
    double value = 0;
    std::memcpy(&value, encoded.data() + at, sizeof value);
    floats.push_back(static_cast<float>(value));
    if (std::isinf(floats.back()) && !std::isinf(value)) {
      fail("element " + std::to_string(floats.size() - 1) + " of the F64 tensor " +
           printable(name) +
           " is beyond the range of fp32; scale the weights before they are written");
    }
  }
  return floats;
}

void Safetensors::fail(const std::string& what, ErrorCode code) const {
  throw Error(code, name_ + ": " + what);
}

bool Safetensors::read(std::uint64_t offset, void* to, std::uint64_t bytes) const {
  file_->clear();
  file_->seekg(static_cast<std::streamoff>(offset));
  file_->read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
  return file_->good();
}

}  // namespace foldconv::harness
