// SPDX-License-Identifier: MIT
// A file as bytes in memory, without a copy of it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "foldconv/status.hpp"

namespace foldconv::onnx::wire {

// Mapped for reading. To shorten the file while it is mapped ends the program (SIGBUS): as with any
// mapped file. Cheap to copy: the mapping lives as long as a copy does.
class MappedFile {
 public:
  // Errors (invalid_argument): no regular file, or one that may not be read.
  static Result<MappedFile> open(const std::filesystem::path& path);

  std::span<const std::byte> bytes() const noexcept { return {data_.get(), size_}; }
  // Keeps the mapping.
  std::shared_ptr<const void> keeper() const noexcept { return data_; }

 private:
  std::shared_ptr<const std::byte> data_;
  std::size_t size_ = 0;
};

}  // namespace foldconv::onnx::wire
