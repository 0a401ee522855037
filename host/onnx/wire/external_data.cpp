// SPDX-License-Identifier: MIT
#include "onnx/wire/external_data.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>

#include "base/error.hpp"
#include "base/text.hpp"
#include "onnx/wire/printable.hpp"

namespace foldconv::onnx::wire {
namespace {

using host::text;
namespace fs = std::filesystem;

struct Place {
  std::string location;
  std::int64_t offset = 0;
  std::optional<std::int64_t> length;
};

std::optional<std::int64_t> size_from(std::string_view digits) {
  std::int64_t size = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, size);
  if (error != std::errc() || stop != end || size < 0) return std::nullopt;
  return size;
}

Result<Place> place_of(const TensorProto& tensor) {
  Place place;
  for (const StringStringEntryProto& entry : tensor.external_data) {
    if (entry.key == "location") place.location = entry.value;
    if (entry.key != "offset" && entry.key != "length") continue;
    const std::optional<std::int64_t> size = size_from(entry.value);
    if (!size) {
      return host::invalid(text("the ", entry.key, " of data outside the file"),
                           text(printable(entry.value), " of ", tensor_text(tensor)),
                           "write the bytes as a number from 0 to 2^63 - 1");
    }
    (entry.key == "offset" ? place.offset : place.length.emplace()) = *size;
  }
  return place;
}

// Whether a path names something below the folder that it is joined to, links aside.
bool stays_inside(const fs::path& path) {
  return !path.empty() && path.is_relative() &&
         std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

bool begins_with(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

}  // namespace

TensorFiles::TensorFiles(const fs::path& model, const MappedFile& mapped)
    : folder_(model.has_parent_path() ? model.parent_path() : fs::path(".")), model_(mapped) {}

Result<MappedFile> TensorFiles::open(const std::string& location) {
  const auto fails = [&](std::string_view why) {
    return host::invalid("the location of data outside the file",
                         text(printable(location), " ", why),
                         "put the data into the model's folder, and name it by a relative path");
  };
  if (!stays_inside(location) || location.find('\0') != std::string::npos) {
    return fails("is no path inside the model's folder");
  }
  std::error_code error;
  const fs::path folder = fs::canonical(*folder_, error);
  const fs::path path = error ? fs::path() : fs::canonical(folder / location, error);
  if (error) return fails(text("cannot be found: ", error.message()));
  if (!begins_with(path, folder)) return fails("is a link out of the model's folder");
  return MappedFile::open(path);
}

Result<TensorBytes> TensorFiles::values(const TensorProto& tensor) {
  if (tensor.data_location == 0 || !folder_) {
    Result<TensorBytes> values = values_in_file(tensor);
    if (values.ok() && values->keeper == nullptr) values->keeper = model_.keeper();
    return values;
  }
  const Result<std::int64_t> expected = bytes_of_values(tensor);
  if (!expected) return expected.status();
  const Result<Place> place = place_of(tensor);
  if (!place) return place.status();
  auto file = files_.find(place->location);
  if (file == files_.end()) {
    const Result<MappedFile> opened = open(place->location);
    if (!opened) return host::at(tensor_text(tensor), opened.status());
    file = files_.emplace(place->location, *opened).first;
  }
  const std::span<const std::byte> bytes = file->second.bytes();
  const auto size = static_cast<std::int64_t>(bytes.size());
  const std::int64_t room = size - place->offset;
  const std::int64_t length = place->length.value_or(room);
  if (room < 0 || length > room || length != *expected) {
    return host::invalid(
        "values outside the file that do not fit",
        text(tensor_text(tensor), " needs ", *expected, " bytes; offset ", place->offset,
             ", length ", length, " in ", printable(place->location), " of ", size),
        "repair how the files are written, or copy the data whole");
  }
  std::int64_t elements = 1;
  for (const std::int64_t dim : tensor.dims) elements *= dim;
  return TensorBytes{.bytes = {reinterpret_cast<const char*>(bytes.data()) + place->offset,
                               static_cast<std::size_t>(length)},
                     .elements = elements,
                     .keeper = file->second.keeper()};
}

}  // namespace foldconv::onnx::wire
