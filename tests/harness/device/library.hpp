// SPDX-License-Identifier: MIT
// A shared library that a machine may have or not: loaded while the program runs, never linked.
#pragma once

#include <dlfcn.h>

#include <string>

#include "harness/error.hpp"

namespace foldconv::harness {

// Copies share the library, which stays loaded until the program ends: some do not like to go.
class Library {
 public:
  // Throws Error (unsupported): the loader's words.
  explicit Library(const char* file) : file_(file), handle_(dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) throw Error(ErrorCode::unsupported, dlerror());
  }

  // The function of this name. Throws Error (unsupported): there is none.
  template <class Function>
  Function* find(const char* name) const {
    if (void* found = dlsym(handle_, name)) return reinterpret_cast<Function*>(found);
    throw Error(ErrorCode::unsupported, file_ + " has no " + name);
  }

 private:
  std::string file_;
  void* handle_;
};

}  // namespace foldconv::harness
