// SPDX-License-Identifier: MIT
#include "harness/device/library.hpp"

#include <dlfcn.h>

#include "harness/error.hpp"

namespace foldconv::harness {

Library::Library(const char* file) : file_(file), handle_(dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
  if (handle_ != nullptr) return;
  const char* reason = dlerror();
  throw Error(ErrorCode::unsupported, reason != nullptr ? reason : file_ + " cannot be loaded");
}

void* Library::symbol(const char* name) const {
  void* found = dlsym(handle_, name);
  if (found == nullptr) throw Error(ErrorCode::unsupported, file_ + " has no " + name);
  return found;
}

}  // namespace foldconv::harness
