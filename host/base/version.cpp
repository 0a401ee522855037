#include "foldconv/version.hpp"

foldconv::Version foldconv::version() noexcept {
  return kVersion;
}
