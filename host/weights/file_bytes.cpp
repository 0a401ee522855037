// SPDX-License-Identifier: MIT
#include "weights/file_bytes.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv::host {
namespace {

Status failed_on_file(std::string_view what) {
  return invalid(what, std::generic_category().message(errno),
                 "give a file that exists and may be read");
}

}  // namespace

Result<std::shared_ptr<const FileBytes>> FileBytes::open(const std::filesystem::path& path,
                                                         bool map) {
  // Without O_NONBLOCK, to open a pipe would wait for its writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return failed_on_file("it cannot be opened");
  std::unique_ptr<FileBytes> file(new (std::nothrow) FileBytes(descriptor));
  if (!file) {
    ::close(descriptor);
    return out_of_host_memory();
  }
  if (Status status = file->take(map); !status.ok()) return status;
  return std::shared_ptr<const FileBytes>(std::move(file));
}

Status FileBytes::take(bool map) {
  struct stat facts = {};
  if (::fstat(descriptor_, &facts) != 0) return failed_on_file("it cannot be looked at");
  if (S_ISDIR(facts.st_mode))
    return Status(ErrorCode::invalid_argument, "it is a folder; give a file");
  if (!S_ISREG(facts.st_mode)) {
    return Status(ErrorCode::invalid_argument, "it is no regular file; give a file");
  }
  size_ = static_cast<std::size_t>(facts.st_size);
  if (size_ == 0) return {};
  if (map) {
    void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor_, 0);
    mapped_ = mapping != MAP_FAILED;
    if (mapped_) {
      begin_ = static_cast<const std::byte*>(mapping);
      return {};
    }
  }
  copy_.reset(new std::byte[size_]);
  begin_ = copy_.get();
  for (std::size_t done = 0; done < size_;) {
    const ssize_t count =
        ::pread(descriptor_, copy_.get() + done, size_ - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed_on_file("it cannot be read");
    if (count == 0) {
      return invalid("it became shorter while it was read", text(done, " of ", size_, " bytes"),
                     "leave it alone while it is read");
    }
    done += static_cast<std::size_t>(count);
  }
  return {};
}

FileBytes::~FileBytes() {
  if (mapped_) ::munmap(const_cast<std::byte*>(begin_), size_);
  ::close(descriptor_);
}

bool FileBytes::has_its_length() const noexcept {
  struct stat facts = {};
  return ::fstat(descriptor_, &facts) == 0 && static_cast<std::size_t>(facts.st_size) == size_;
}

}  // namespace foldconv::host
