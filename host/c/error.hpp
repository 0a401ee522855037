// SPDX-License-Identifier: MIT
// How the functions of foldconv.h fail: a code, the caller's fc_error, and no exception.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.hpp"
#include "foldconv.h"

namespace foldconv::c {

// The longest prefix of `text` of at most `bytes` bytes that ends between characters of UTF-8.
std::string_view prefix(std::string_view text, std::size_t bytes) noexcept;

// What the status says, in `error`, where that is not null.
fc_code report(const Status& status, fc_error* error) noexcept;

// Runs the body of a function, which returns a Status.
template <class Body>
fc_code reported(fc_error* error, Body&& body) noexcept {
  return report(host::guarded(body), error);
}

// ok if the argument `name` is there.
Status check_given(const void* pointer, const char* name);

// The same for a body that makes an object, Result<Object*>: null where it fails.
template <class Object, class Body>
fc_code made(Object** object, const char* name, fc_error* error, Body&& body) noexcept {
  if (object == nullptr) return reported(error, [&] { return check_given(object, name); });
  *object = nullptr;
  return reported(error, [&]() -> Status {
    const Result<Object*> result = body();
    if (result.ok()) *object = *result;
    return result.status();
  });
}

}  // namespace foldconv::c
