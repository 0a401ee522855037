// SPDX-License-Identifier: MIT
#include "harness/network/npy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <regex>

#include "harness/files.hpp"
#include "harness/oracle/rounding.hpp"

namespace foldconv::harness {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kPreamble = 10;  // magic, version, length
// As numpy.save() has it.
constexpr std::size_t kAlignment = 64;
// NumPy's own limit is 10,000; 64 extents of 20 digits take 1,400.
constexpr std::size_t kMaxHeader = 4096;

struct TypeName {
  NpyType type;
  std::string_view name;
  std::size_t size;
};
constexpr std::array kTypes = {TypeName{NpyType::f4, "<f4", 4}, TypeName{NpyType::f2, "<f2", 2},
                               TypeName{NpyType::i8, "<i8", 8}, TypeName{NpyType::u1, "|u1", 1}};

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw Error(ErrorCode::invalid_argument, name + ": " + what);
}

// Of "1, 3, 4", "3,", "". None: an extent, or the number of elements, is beyond 63 bits.
std::optional<Extents> parse_extents(const std::string& text) {
  Extents extents;
  static const std::regex number("[0-9]+");
  for (std::sregex_iterator at(text.begin(), text.end(), number), end; at != end; ++at) {
    const std::string digits = at->str();
    std::int64_t extent = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), extent).ec != std::errc()) {
      return std::nullopt;
    }
    extents.push_back(extent);
  }
  return extents;
}

// None: beyond 63 bits.
std::optional<std::uint64_t> bytes_of(const Extents& extents, NpyType type) {
  std::uint64_t bytes = size_of(type);
  for (const std::int64_t extent : extents) {
    const auto factor = static_cast<std::uint64_t>(extent);
    if (factor != 0 && bytes > std::numeric_limits<std::int64_t>::max() / factor) {
      return std::nullopt;
    }
    bytes *= factor;
  }
  return bytes;
}

template <class Element>
std::vector<float> converted(const std::string& data) {
  std::vector<float> values;
  values.reserve(data.size() / sizeof(Element));
  for (std::size_t at = 0; at < data.size(); at += sizeof(Element)) {
    Element element;
    std::memcpy(&element, data.data() + at, sizeof element);
    values.push_back(static_cast<float>(element));
  }
  return values;
}

}  // namespace

std::size_t size_of(NpyType type) {
  return kTypes[static_cast<std::size_t>(type)].size;
}

Npy make_npy(Extents extents, std::span<const float> values) {
  return {.type = NpyType::f4,
          .extents = std::move(extents),
          .data = {reinterpret_cast<const char*>(values.data()), values.size_bytes()}};
}

std::vector<float> floats_of(const Npy& array) {
  switch (array.type) {
    case NpyType::f4:
      return converted<float>(array.data);
    case NpyType::f2:
      return oracle::decode(DataType::f16, std::as_bytes(std::span(array.data)));
    case NpyType::i8:
      return converted<std::int64_t>(array.data);
    case NpyType::u1:
      return converted<std::uint8_t>(array.data);
  }
  return {};
}

Npy read_npy(const std::filesystem::path& file) {
  return parse_npy(read_file(file), file.string());
}

Npy parse_npy(std::string_view content, const std::string& name) {
  if (!content.starts_with(kMagic) || content.size() < kPreamble) {
    refuse(name, "no NumPy file; write one by numpy.save()");
  }
  const auto byte = [content](std::size_t at) { return static_cast<unsigned char>(content[at]); };
  if (byte(6) != 1 || byte(7) != 0) {
    refuse(name, "NumPy format " + std::to_string(byte(6)) + "." + std::to_string(byte(7)) +
                     "; numpy.save() writes 1.0");
  }
  const std::size_t length = byte(8) + std::size_t{256} * byte(9);
  if (length > kMaxHeader || length > content.size() - kPreamble) {
    refuse(name, "a header of " + std::to_string(length) + " bytes; is the file whole?");
  }
  const std::string header(content.substr(kPreamble, length));
  static const std::regex form(
      R"(\{'descr': '([^']*)', 'fortran_order': (True|False), 'shape': \(([0-9, ]*)\), \} *\n)");
  static const std::regex shape("|[0-9]+,|[0-9]+(, [0-9]+)+");
  std::smatch parts;
  if (!std::regex_match(header, parts, form) || !std::regex_match(parts.str(3), shape)) {
    refuse(name, "not a header as numpy.save() writes it");
  }
  const auto known = std::ranges::find(kTypes, std::string_view(parts.str(1)), &TypeName::name);
  if (known == kTypes.end()) {
    refuse(name, "elements of type '" + parts.str(1) +
                     "'; known are '<f4', '<f2', '<i8', '|u1': array.astype('<f4')");
  }
  if (parts.str(2) == "True") {
    refuse(name, "columns first (Fortran's order); save numpy.ascontiguousarray(array)");
  }
  const std::optional<Extents> extents = parse_extents(parts.str(3));
  const std::optional<std::uint64_t> bytes =
      extents ? bytes_of(*extents, known->type) : std::nullopt;
  if (!bytes) refuse(name, "more elements than there can be, shape (" + parts.str(3) + ")");
  const std::string_view data = content.substr(kPreamble + length);
  if (data.size() != *bytes) {
    refuse(name, std::to_string(data.size()) + " bytes of data, shape (" + parts.str(3) + ") has " +
                     std::to_string(*bytes) + "; is the file whole?");
  }
  return {.type = known->type, .extents = *extents, .data = std::string(data)};
}

void write_npy(const std::filesystem::path& file, const Npy& array) {
  std::string shape;
  for (const std::int64_t extent : array.extents) {
    shape += (shape.empty() ? "" : ", ") + std::to_string(extent);
  }
  if (array.extents.size() == 1) shape += ',';
  const TypeName& type = kTypes[static_cast<std::size_t>(array.type)];
  std::string header = "{'descr': '" + std::string(type.name) +
                       "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.resize((kPreamble + header.size() + kAlignment) / kAlignment * kAlignment - kPreamble - 1,
                ' ');
  header += '\n';
  std::string content(kMagic);
  content += {1, 0, static_cast<char>(header.size() % 256), static_cast<char>(header.size() / 256)};
  write_file(file, content + header + array.data);
}

}  // namespace foldconv::harness
