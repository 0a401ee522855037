// SPDX-License-Identifier: MIT
#pragma once

namespace foldconv::tool {

// The whole tool: reads the command line, runs its command, prints what went wrong, and returns the exit code.
int run(int argc, const char* const* argv);

}  // namespace foldconv::tool
