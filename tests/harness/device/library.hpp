// SPDX-License-Identifier: MIT
// A shared library that a machine may have or not: loaded while the program runs, never linked.
#pragma once

#include <string>

#include "foldconv/status.hpp"

namespace foldconv::harness {

// Copies share the library, which stays loaded until the program ends: some do not like to go.
class Library {
 public:
  // Throws Error (unsupported): the loader's words.
  explicit Library(const char* file);

  // The function of this name. Throws Error (unsupported): there is none.
  template <class Function>
  void find(const char* name, Function*& function) const {
    function = reinterpret_cast<Function*>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;

  std::string file_;
  void* handle_ = nullptr;
};

}  // namespace foldconv::harness
