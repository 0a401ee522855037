#include "machine/library.hpp"

#include <dlfcn.h>

namespace foldconv::tool {

Result<Library> Library::load(const char* file) {
  Library library;
  library.file_ = file;
  library.handle_ = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (library.handle_ == nullptr) {
    const char* reason = dlerror();
    return Status(ErrorCode::unsupported,
                  reason != nullptr ? reason : std::string(file) + " cannot be loaded");
  }
  return library;
}

Status Library::find_symbol(const char* name, void*& found) const {
  found = dlsym(handle_, name);
  if (found != nullptr) return {};
  return {ErrorCode::unsupported, file_ + " has no " + name};
}

}  // namespace foldconv::tool
