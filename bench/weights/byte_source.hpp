// Where the bytes of a file format come from: a file, or memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "foldconv/status.hpp"

namespace foldconv::tool {

// Immutable and thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  virtual const std::string& name() const = 0;  // for messages
  virtual std::uint64_t size() const = 0;
  // Fills `to` with the bytes from `offset` on. Errors (invalid_argument): bytes beyond the end, a
  // device that fails.
  virtual Status read(std::uint64_t offset, std::span<std::byte> to) const = 0;
};

// Opens a regular file; it stays open as long as the source lives. Errors (invalid_argument): no
// such file, a folder or device, no permission.
Result<std::shared_ptr<const ByteSource>> open_file(const std::filesystem::path& file);

std::shared_ptr<const ByteSource> in_memory(std::vector<std::byte> bytes);

}  // namespace foldconv::tool
