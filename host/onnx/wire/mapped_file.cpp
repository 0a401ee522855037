// SPDX-License-Identifier: MIT
#include "onnx/wire/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "base/error.hpp"
#include "onnx/wire/printable.hpp"

namespace foldconv::onnx::wire {
namespace {

// Closes on all ways out.
struct Descriptor {
  int number;

  explicit Descriptor(int open_number) : number(open_number) {}
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const auto fails = [&](const std::string& why) {
    return host::invalid(printable(path.native()), why, "give a file that exists and may be read");
  };
  // Not to wait for the writer of a pipe.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number < 0) return fails(std::generic_category().message(errno));
  struct stat state = {};
  if (::fstat(file.number, &state) != 0) return fails(std::generic_category().message(errno));
  if (!S_ISREG(state.st_mode)) return fails("no regular file");
  MappedFile mapped;
  mapped.size_ = static_cast<std::size_t>(state.st_size);
  if (mapped.size_ == 0) return mapped;  // nothing to map
  void* data = ::mmap(nullptr, mapped.size_, PROT_READ, MAP_PRIVATE, file.number, 0);
  if (data == MAP_FAILED) return fails(std::generic_category().message(errno));
  mapped.data_ = {static_cast<const std::byte*>(data), [size = mapped.size_](const std::byte* at) {
                    ::munmap(const_cast<std::byte*>(at), size);
                  }};
  return mapped;
}

}  // namespace foldconv::onnx::wire
