// SPDX-License-Identifier: MIT
#include "c/text.hpp"

#include <cstring>

#include "base/text.hpp"
#include "c/error.hpp"

namespace foldconv::c {

Status write_text(std::string_view text, char* to, std::size_t capacity, std::size_t* length) {
  if (to == nullptr && capacity > 0) {
    return host::invalid("a null pointer", host::text("text, capacity = ", capacity),
                         "give so many bytes, or a capacity of 0");
  }
  if (length != nullptr) *length = text.size();
  if (capacity == 0) return {};
  const std::string_view written = prefix(text, capacity - 1);
  std::memcpy(to, written.data(), written.size());
  to[written.size()] = '\0';
  return {};
}

}  // namespace foldconv::c
