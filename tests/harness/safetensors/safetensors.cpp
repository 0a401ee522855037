// SPDX-License-Identifier: MIT
#include "harness/safetensors/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <system_error>
#include <utility>

#include "harness/oracle/rounding.hpp"

namespace foldconv::harness {
namespace {

static_assert(std::endian::native == std::endian::little, "bytes are taken as they are");

std::unique_ptr<std::istream> opened(const std::filesystem::path& path) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::invalid_argument, path.string() + ": " + what);
  };
  // Looked at before: to open a pipe would wait for its writer.
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  if (is_directory(status)) refuse("it is a folder; give a file");
  if (exists(status) && !is_regular_file(status)) refuse("it is no regular file; give a file");
  auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!file->is_open()) {
    refuse("it cannot be opened: " + std::generic_category().message(errno) +
           "; give a file that exists and may be read");
  }
  return file;
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
  const auto malformed = [this](const std::string& what) {
    fail(what + "; the file is damaged or not safetensors: write it again");
  };
  file_->seekg(0, std::ios::end);
  size_ = static_cast<std::uint64_t>(file_->tellg());
  std::uint64_t length = 0;
  if (size_ < sizeof length) {
    malformed("it has " + std::to_string(size_) + " bytes, a safetensors file at least 8");
  }
  read(0, &length, sizeof length);
  const std::uint64_t room = size_ - sizeof length;
  if (length > room) {
    malformed("its header claims " + std::to_string(length) + " bytes, the file has " +
              std::to_string(room) + " for it");
  }
  if (length > kMaxSafetensorsHeader) {
    malformed("its header has " + std::to_string(length) + " bytes, more than " +
              std::to_string(kMaxSafetensorsHeader));
  }
  std::string json(length, '\0');
  read(sizeof length, json.data(), length);
  data_begin_ = sizeof length + length;
  try {
    header_ = parse_safetensors_header(json, room - length);
  } catch (const Error& error) {
    malformed(error.what());
  }
}

const TensorInfo* Safetensors::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(tensors(), name, {}, &TensorInfo::name);
  return found != tensors().end() && found->name == name ? &*found : nullptr;
}

std::vector<float> Safetensors::values(std::string_view name) const {
  const TensorInfo* info = find(name);
  if (info == nullptr) {
    fail("there is no tensor " + printable(name) + "; give the name of one of the " +
         std::to_string(tensors().size()) + " that are there");
  }
  const std::uint64_t bytes = info->end - info->begin;
  for (const auto& [dtype, type] :
       {std::pair("F16", DataType::f16), {"BF16", DataType::bf16}, {"F32", DataType::f32}}) {
    if (info->dtype != dtype) continue;
    std::vector<std::byte> encoded(bytes);
    read(data_begin_ + info->begin, encoded.data(), bytes);
    return oracle::decode(type, encoded);
  }
  if (info->dtype != "F64") {
    fail("tensor " + printable(name) + " is of dtype " + info->dtype +
             "; values are read from F16, BF16, F32 and F64",
         ErrorCode::unsupported);
  }
  std::vector<double> wide(bytes / sizeof(double));
  read(data_begin_ + info->begin, wide.data(), bytes);
  std::vector<float> floats;
  for (const double value : wide) {
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

void Safetensors::read(std::uint64_t offset, void* to, std::uint64_t bytes) const {
  file_->clear();
  file_->seekg(static_cast<std::streamoff>(offset));
  file_->read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
  if (file_->good()) return;
  fail("it cannot be read behind byte " + std::to_string(offset) + ", but had " +
       std::to_string(size_) + " bytes when it was opened; leave it alone while it is read");
}

}  // namespace foldconv::harness
