// SPDX-License-Identifier: MIT
#include "harness/safetensors/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "harness/safetensors/messages.hpp"

namespace foldconv::harness {
namespace {

std::string words_of(int error) {
  return std::generic_category().message(error);
}

struct OpenFile {
  OpenFile(std::string path, int opened) : name(std::move(path)), descriptor(opened) {}
  ~OpenFile() { close(descriptor); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  // Of the file that is open, whatever happens to its name meanwhile.
  std::uint64_t inspect() const {
    struct stat info = {};
    if (fstat(descriptor, &info) != 0) fail(name, "its size cannot be had: " + words_of(errno));
    if (S_ISDIR(info.st_mode)) fail(name, "it is a folder; give a file");
    if (!S_ISREG(info.st_mode)) fail(name, "it is no regular file; give a file");
    return static_cast<std::uint64_t>(info.st_size);
  }

  void read(std::uint64_t offset, std::span<std::byte> to, std::uint64_t size) const {
    while (!to.empty()) {
      const ssize_t count = pread(descriptor, to.data(), to.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail(name, "it cannot be read: " + words_of(errno));
      if (count == 0) {
        fail(name, "it ends at byte " + std::to_string(offset) + ", but had " +
                       std::to_string(size) +
                       " bytes when it was opened; leave it alone while it is read");
      }
      to = to.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }

  std::string name;
  int descriptor;
};

}  // namespace

ByteSource open_file(const std::filesystem::path& path) {
  // Without O_NONBLOCK a pipe would wait for its writer.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    fail(path.string(),
         "it cannot be opened: " + words_of(errno) + "; give a file that exists and may be read");
  }
  const auto file = std::make_shared<const OpenFile>(path.string(), descriptor);
  const std::uint64_t size = file->inspect();
  return {.name = file->name,
          .size = size,
          .read = [file, size](std::uint64_t offset, std::span<std::byte> to) {
            file->read(offset, to, size);
          }};
}

ByteSource in_memory(std::vector<std::byte> bytes) {
  const auto held = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return {.name = "(memory)",
          .size = held->size(),
          .read = [held](std::uint64_t offset, std::span<std::byte> to) {
            assert(offset <= held->size() && to.size() <= held->size() - offset);
            std::copy_n(held->begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
          }};
}

}  // namespace foldconv::harness
