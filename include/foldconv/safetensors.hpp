// SPDX-License-Identifier: MIT
/// @file
/// Tensors in the safetensors format: PyTorch's state dicts as they are shared.
///
///     8 bytes   length of the header, little-endian
///     header    JSON, as in
///       {"__metadata__": {"format": "pt"},
///        "conv1.weight": {"dtype": "F32", "shape": [64, 3, 7, 7], "data_offsets": [0, 37632]}, ...}
///     data      the tensors, without gaps, little-endian
///
/// (https://github.com/huggingface/safetensors#format)
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "foldconv/graph.hpp"
#include "foldconv/status.hpp"

namespace foldconv::safetensors {

struct TensorInfo {
  std::string name;
  std::string dtype;                 ///< as the file says it: "F32", "I64", ...
  Extents extents;                   ///< known ones; none: one number
  std::uint64_t begin = 0, end = 0;  ///< bytes, from the beginning of the data
};

/// `text` in backquotes: control characters as `\xNN`, and no more than the first 80 bytes, so that
/// nothing in a damaged file upsets a terminal. UTF-8 stays UTF-8.
FOLDCONV_API std::string printable(std::string_view text);

/// The longest header that is read: the reference implementation's limit.
inline constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

/// Tensors by name. The header has been read and checked, whole; values are read when they are asked for.
/// Immutable, thread-safe, cheap to copy.
class FOLDCONV_API StateDict {
 public:
  /// A regular file, which is mapped, or read where it cannot be, and stays open. It must not be written to or made
  /// shorter while a StateDict or a Constant of it is there: a mapped file that has shrunk ends the program when it is
  /// read. Errors, naming the file and the tensor; invalid_argument: a file that cannot be opened, is too short for its
  /// header or has one above the limit (no length that a file claims is believed before its own size has been seen to
  /// hold it); a header that is no JSON in UTF-8 or no object of objects as above; further members of a tensor (nobody
  /// writes any), names twice, unknown dtypes, more than 64 dimensions, offsets outside the data or of another size than
  /// dtype and shape say, bytes of the data that belong to two tensors or to none, metadata that is no text.
  static Result<StateDict> read(const std::filesystem::path& file);
  /// The same of a file's bytes, wherever they are. `owner` keeps them; without one they must outlive all copies and
  /// Constants. `source` stands for the file in messages.
  static Result<StateDict> read(std::span<const std::byte> bytes,
                                std::shared_ptr<const void> owner = {},
                                std::string_view source = "(memory)");

  const std::string& source() const noexcept;               ///< the file, for messages
  const std::vector<TensorInfo>& tensors() const noexcept;  ///< sorted by name
  const std::map<std::string, std::string>& metadata() const noexcept;
  std::vector<std::string> names() const;  ///< sorted; none where there is no memory for them
  const TensorInfo* find(std::string_view name) const noexcept;  ///< null where there is none
  bool contains(std::string_view name) const noexcept { return find(name) != nullptr; }

  /// Extents and values, in the file's order. F32 lies in the file, unless its place is no multiple of 4 bytes; F16 and
  /// BF16 are converted, exactly; F64 is rounded to nearest. Errors: invalid_argument: no such tensor, a finite F64 that
  /// fp32 cannot hold, a file whose length has changed; unsupported: other dtypes.
  Result<Constant> tensor(std::string_view name) const;

  /// Copies only: no StateDict is ever empty.
  StateDict(const StateDict&) = default;
  StateDict& operator=(const StateDict&) = default;

 private:
  friend struct host::Internals;
  struct Data;
  explicit StateDict(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  std::shared_ptr<const Data> data_;
};

}  // namespace foldconv::safetensors
