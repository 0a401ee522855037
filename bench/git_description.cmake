# SPDX-License-Identifier: MIT
# Run by each build: writes FILE, a header with the commit that is built, where it has changed. Without
# git or its folder: what the environment variable FOLDCONV_GIT says, or "".
set(description "")
if(GIT)
  execute_process(COMMAND ${GIT} describe --always --dirty --tags
    WORKING_DIRECTORY ${SOURCE}
    OUTPUT_VARIABLE description
    OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_QUIET)
endif()
if(description STREQUAL "")
  set(description "$ENV{FOLDCONV_GIT}")
endif()
file(CONFIGURE OUTPUT ${FILE} @ONLY CONTENT [[
// Written by each build.
#pragma once

namespace foldconv::tool {

inline constexpr const char* kGitDescription = "@description@";  // "" where unknown

}  // namespace foldconv::tool
]])
