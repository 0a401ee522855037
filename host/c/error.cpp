// SPDX-License-Identifier: MIT
#include "c/error.hpp"

#include <cstring>

#include "base/text.hpp"
#include "foldconv/version.hpp"

#define FC_TEXT(number) #number
#define FC_VERSION(major, minor, patch) FC_TEXT(major) "." FC_TEXT(minor) "." FC_TEXT(patch)

namespace foldconv::c {
namespace {

static_assert(FC_OK == int(ErrorCode::ok) &&
              FC_INVALID_ARGUMENT == int(ErrorCode::invalid_argument) &&
              FC_UNSUPPORTED == int(ErrorCode::unsupported) &&
              FC_MISALIGNED == int(ErrorCode::misaligned) &&
              FC_ALIASING == int(ErrorCode::aliasing) &&
              FC_WORKSPACE_TOO_SMALL == int(ErrorCode::workspace_too_small) &&
              FC_DEVICE_TOO_OLD == int(ErrorCode::device_too_old) &&
              FC_OUT_OF_MEMORY == int(ErrorCode::out_of_memory) &&
              FC_CUDA_ERROR == int(ErrorCode::cuda_error));

void write(std::string_view text, char* to) noexcept {
  std::memcpy(to, text.data(), text.size());
  to[text.size()] = '\0';
}

void write_message(std::string_view message, fc_error& error) noexcept {
  constexpr std::string_view kMore = "...";
  constexpr std::size_t kMost = sizeof error.message - 1;
  if (message.size() <= kMost) return write(message, error.message);
  const std::string_view begin = prefix(message, kMost - kMore.size());
  write(begin, error.message);
  write(kMore, error.message + begin.size());
}

}  // namespace

std::string_view prefix(std::string_view text, std::size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  // Bytes 10xxxxxx go on with a character.
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

fc_code report(const Status& status, fc_error* error) noexcept {
  const auto code = static_cast<fc_code>(status.code());
  if (error != nullptr) {
    error->code = code;
    write_message(status.message(), *error);
  }
  return code;
}

Status check_given(const void* pointer, const char* name) {
  if (pointer != nullptr) return {};
  return host::invalid("a null pointer", host::text("argument \"", name, '"'), "give one");
}

}  // namespace foldconv::c

const char* fc_code_name(int32_t code) {
  if (code < FC_OK || code > FC_CUDA_ERROR) return "unknown";
  return foldconv::to_string(static_cast<foldconv::ErrorCode>(code));
}

const char* fc_version(void) {
  return FC_VERSION(FOLDCONV_VERSION_MAJOR, FOLDCONV_VERSION_MINOR, FOLDCONV_VERSION_PATCH);
}
