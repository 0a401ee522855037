// Names out of files, as messages show them.
#pragma once

#include <string>
#include <string_view>

namespace foldconv::tool {

// `name` in backquotes: control characters as \xNN, and no more than the first 80 bytes, so that
// nothing in a damaged file upsets a terminal. UTF-8 stays UTF-8.
std::string printable(std::string_view name);

}  // namespace foldconv::tool
