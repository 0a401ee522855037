// SPDX-License-Identifier: MIT
#include "foldconv/version.hpp"

foldconv::Version foldconv::version() noexcept {
  return kVersion;
}
