// SPDX-License-Identifier: MIT
// A file's bytes, in memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "foldconv/status.hpp"

namespace foldconv::host {

// Immutable, as far as others leave the file alone.
class FileBytes {
 public:
  // Mapped, or read where that cannot be, or `map` is false. Errors: invalid_argument: no regular file, one that
  // cannot be opened or read.
  static Result<std::shared_ptr<const FileBytes>> open(const std::filesystem::path& path,
                                                       bool map = true);
  ~FileBytes();
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;

  std::span<const std::byte> bytes() const noexcept { return {begin_, size_}; }
  // Whether the file still has the length that it was opened with.
  bool has_its_length() const noexcept;

 private:
  explicit FileBytes(int descriptor) noexcept : descriptor_(descriptor) {}
  Status take(bool map);

  int descriptor_;
  const std::byte* begin_ = nullptr;
  std::size_t size_ = 0;
  bool mapped_ = false;
  std::unique_ptr<std::byte[]> copy_;
};

}  // namespace foldconv::host
