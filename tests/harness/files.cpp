// SPDX-License-Identifier: MIT
#include "harness/files.hpp"

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <system_error>

namespace foldconv::harness {

std::string read_file(const std::filesystem::path& file) {
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 33;
  const auto refuse = [&file](const std::string& what) {
    throw Error(ErrorCode::invalid_argument, file.string() + ": " + what);
  };
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) refuse("no such file");
  const std::uint64_t size = std::filesystem::file_size(file, error);
  if (error) refuse("cannot be read: " + error.message());
  if (size > kLimit) {
    refuse(std::to_string(size) + " bytes, more than " + std::to_string(kLimit));
  }
  std::string content(size, '\0');
  std::ifstream in(file, std::ios::binary);
  if (!in.read(content.data(), static_cast<std::streamsize>(size))) refuse("cannot be read");
  return content;
}

void write_file(const std::filesystem::path& file, std::string_view content) {
  std::filesystem::path part = file;
  part += "." + std::to_string(getpid()) + ".part";  // another program may write it, too
  std::ofstream out(part, std::ios::binary);
  const bool made = out.is_open();
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  const bool written = made && out;
  std::error_code error;
  if (written) std::filesystem::rename(part, file, error);
  if (written && !error) return;
  std::error_code ignored;
  std::filesystem::remove(part, ignored);
  const std::string message = "cannot write " + file.string();
  if (!made || written) throw Error(ErrorCode::invalid_argument, message);
  throw WriteError(ErrorCode::invalid_argument,
                   message + ": " + std::to_string(content.size()) +
                       " bytes do not fit; make room, or name a file on another disk");
}

std::filesystem::path shipped(const std::string& folder) {
  std::error_code ignored;
  const std::filesystem::path beside =
      std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  const std::filesystem::path installed = beside / ".." / "share" / "foldconv" / folder;
  return std::filesystem::is_directory(installed, ignored) ? installed : beside / folder;
}

}  // namespace foldconv::harness
