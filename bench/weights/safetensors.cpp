#include "weights/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <exception>
#include <optional>
#include <span>
#include <utility>

#include "harness/oracle/rounding.hpp"
#include "weights/printable.hpp"

namespace foldconv::tool {
namespace {

static_assert(std::endian::native == std::endian::little, "bytes are taken as they are");

constexpr std::uint64_t kLengthBytes = 8;

Status failure(const ByteSource& source, ErrorCode code, const std::string& what) {
  return {code, source.name() + ": " + what};
}

Status malformed(const ByteSource& source, const std::string& what) {
  return failure(source, ErrorCode::invalid_argument,
                 what + "; the file is damaged or not safetensors: write it again");
}

// Runs a body in which the standard library may run out of memory.
template <class Body>
auto guarded(Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::exception&) {
    return Status(ErrorCode::out_of_memory, "no memory for a safetensors file; free some");
  }
}

std::optional<DataType> exact_type(std::string_view dtype) {
  if (dtype == "F16") return DataType::f16;
  if (dtype == "BF16") return DataType::bf16;
  if (dtype == "F32") return DataType::f32;
  return std::nullopt;
}

// Doubles rounded to nearest; the position of one that fp32 cannot hold otherwise.
std::optional<std::size_t> narrow(std::span<const std::byte> doubles, std::vector<float>& floats) {
  floats.resize(doubles.size() / sizeof(double));
  for (std::size_t i = 0; i < floats.size(); ++i) {
    double wide = 0;
    std::memcpy(&wide, doubles.data() + i * sizeof wide, sizeof wide);
    const double rounded = oracle::round_to_storage(DataType::f32, wide);
    if (std::isinf(rounded) && !std::isinf(wide)) return i;
    floats[i] = static_cast<float>(rounded);
  }
  return std::nullopt;
}

}  // namespace

const TensorInfo* Safetensors::find(std::string_view name) const {
  const auto found =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const TensorInfo& info, std::string_view n) { return info.name < n; });
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

Result<std::vector<float>> Safetensors::values(std::string_view name) const {
  return guarded([&]() -> Result<std::vector<float>> {
    const TensorInfo* info = find(name);
    if (info == nullptr) {
      return failure(*source_, ErrorCode::invalid_argument,
                     "there is no tensor " + printable(name) + "; give the name of one of the " +
                         std::to_string(tensors_.size()) + " that are there");
    }
    const std::optional<DataType> exact = exact_type(info->dtype);
    if (!exact && info->dtype != "F64") {
      return failure(*source_, ErrorCode::unsupported,
                     "tensor " + printable(name) + " is of dtype " + info->dtype +
                         "; values are read from F16, BF16, F32 and F64");
    }
    std::vector<std::byte> bytes(static_cast<std::size_t>(info->end - info->begin));
    if (Status status = source_->read(data_begin_ + info->begin, bytes); !status) return status;
    if (exact) return oracle::decode(*exact, bytes);
    std::vector<float> floats;
    if (const std::optional<std::size_t> element = narrow(bytes, floats)) {
      return failure(*source_, ErrorCode::invalid_argument,
                     "element " + std::to_string(*element) + " of the F64 tensor " +
                         printable(name) +
                         " is beyond the range of fp32; scale the weights before they are written");
    }
    return floats;
  });
}

Result<Safetensors> parse_safetensors(std::shared_ptr<const ByteSource> source) {
  return guarded([&]() -> Result<Safetensors> {
    if (source->size() < kLengthBytes) {
      return malformed(*source, "it has " + std::to_string(source->size()) +
                                    " bytes, a safetensors file at least 8");
    }
    std::array<std::byte, kLengthBytes> prefix;
    if (Status status = source->read(0, prefix); !status) return status;
    const auto length = std::bit_cast<std::uint64_t>(prefix);
    if (length > source->size() - kLengthBytes) {
      return malformed(*source, "its header claims " + std::to_string(length) +
                                    " bytes, the file has " +
                                    std::to_string(source->size() - kLengthBytes) + " for it");
    }
    if (length > kMaxSafetensorsHeader) {
      return malformed(*source, "its header has " + std::to_string(length) + " bytes, more than " +
                                    std::to_string(kMaxSafetensorsHeader));
    }
    std::string header(static_cast<std::size_t>(length), '\0');
    if (Status status = source->read(kLengthBytes, std::as_writable_bytes(std::span(header)));
        !status) {
      return status;
    }
    Result<std::vector<TensorInfo>> tensors =
        parse_safetensors_header(header, source->size() - kLengthBytes - length);
    if (!tensors) return failure(*source, tensors.status().code(), tensors.status().message());

    Safetensors file;
    file.tensors_ = std::move(*tensors);
    file.data_begin_ = kLengthBytes + length;
    file.source_ = std::move(source);
    return file;
  });
}

Result<Safetensors> read_safetensors(const std::filesystem::path& file) {
  return guarded([&]() -> Result<Safetensors> {
    Result<std::shared_ptr<const ByteSource>> source = open_file(file);
    if (!source) return source.status();
    return parse_safetensors(std::move(*source));
  });
}

}  // namespace foldconv::tool
