// SPDX-License-Identifier: MIT
// Where the bytes of a file format come from: a file, or memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace foldconv::harness {

// Immutable and thread-safe; copies share the bytes.
struct ByteSource {
  std::string name;  // for messages
  std::uint64_t size = 0;
  // Fills `to` with the bytes from `offset` on, all of which lie below `size`. Throws Error
  // (invalid_argument): the file has become shorter, its device fails.
  std::function<void(std::uint64_t offset, std::span<std::byte> to)> read;
};

// Opens a regular file; it stays open as long as the source lives. Throws Error (invalid_argument):
// no such file, a folder or device, no permission.
ByteSource open_file(const std::filesystem::path& file);

ByteSource in_memory(std::vector<std::byte> bytes);

}  // namespace foldconv::harness
