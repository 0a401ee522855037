#include "weights/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace foldconv::tool {
namespace {

Status failure(const std::string& name, const std::string& what) {
  return {ErrorCode::invalid_argument, name + ": " + what};
}

std::string words_of(int error) {
  return std::generic_category().message(error);
}

bool lies_within(std::uint64_t offset, std::span<std::byte> bytes, std::uint64_t size) {
  return offset <= size && bytes.size() <= size - offset;
}

Status beyond_the_end(const std::string& name, std::uint64_t offset, std::size_t bytes,
                      std::uint64_t size) {
  return failure(name, "it has " + std::to_string(size) + " bytes, " + std::to_string(bytes) +
                           " were asked for from " + std::to_string(offset) +
                           " on; read within the file");
}

class File final : public ByteSource {
 public:
  File(std::string name, int descriptor) : name_(std::move(name)), descriptor_(descriptor) {}
  ~File() override { close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Size and kind are those of the file that is open, whatever happens to its name meanwhile.
  Status inspect() {
    struct stat info = {};
    if (fstat(descriptor_, &info) != 0) {
      return failure(name_, "its size cannot be had: " + words_of(errno));
    }
    if (!S_ISREG(info.st_mode)) {
      return failure(
          name_, std::string(S_ISDIR(info.st_mode) ? "it is a folder" : "it is no regular file") +
                     "; give a file");
    }
    size_ = static_cast<std::uint64_t>(info.st_size);
    return {};
  }

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return size_; }

  Status read(std::uint64_t offset, std::span<std::byte> to) const override {
    if (!lies_within(offset, to, size_)) return beyond_the_end(name_, offset, to.size(), size_);
    while (!to.empty()) {
      const ssize_t count = pread(descriptor_, to.data(), to.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure(name_, "it cannot be read: " + words_of(errno));
      if (count == 0) {
        return failure(name_, "it ends at byte " + std::to_string(offset) + ", but had " +
                                  std::to_string(size_) +
                                  " bytes when it was opened; leave it alone while it is read");
      }
      to = to.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
    return {};
  }

 private:
  std::string name_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

class Memory final : public ByteSource {
 public:
  explicit Memory(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return bytes_.size(); }

  Status read(std::uint64_t offset, std::span<std::byte> to) const override {
    if (!lies_within(offset, to, size())) return beyond_the_end(name_, offset, to.size(), size());
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
    return {};
  }

 private:
  std::string name_ = "(memory)";
  std::vector<std::byte> bytes_;
};

}  // namespace

Result<std::shared_ptr<const ByteSource>> open_file(const std::filesystem::path& file) {
  // Without O_NONBLOCK a pipe would wait for its writer.
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    return failure(file.string(), "it cannot be opened: " + words_of(errno) +
                                      "; give a file that exists and may be read");
  }
  auto source = std::make_shared<File>(file.string(), descriptor);
  if (Status status = source->inspect(); !status) return status;
  return std::shared_ptr<const ByteSource>(std::move(source));
}

std::shared_ptr<const ByteSource> in_memory(std::vector<std::byte> bytes) {
  return std::make_shared<Memory>(std::move(bytes));
}

}  // namespace foldconv::tool
