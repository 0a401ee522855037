// A shared library that a machine may have or not: loaded while the tool runs, never linked.
#pragma once

#include <string>

#include "foldconv/status.hpp"

namespace foldconv::tool {

// Copies share the library, which stays loaded until the program ends: some do not like to go.
class Library {
 public:
  // Errors (unsupported): the loader's words.
  static Result<Library> load(const char* file);

  // The function of this name. Errors (unsupported): it has none.
  template <class Function>
  Status find(const char* name, Function*& function) const {
    void* found = nullptr;
    Status status = find_symbol(name, found);
    function = reinterpret_cast<Function*>(found);
    return status;
  }

 private:
  Status find_symbol(const char* name, void*& found) const;

  std::string file_;
  void* handle_ = nullptr;
};

}  // namespace foldconv::tool
