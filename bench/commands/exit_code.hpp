// SPDX-License-Identifier: MIT
// What the whole program returns.
#pragma once

#include <string>

namespace foldconv::tool {

enum ExitCode : int { kExitSuccess = 0, kExitFailure = 1, kExitUsage = 2 };

struct ExitCodeMeaning {
  ExitCode code;
  const char* meaning;
};
inline constexpr ExitCodeMeaning kExitCodes[] = {
    {kExitSuccess, "success"},
    {kExitFailure,
     "a result is wrong or differs, something cannot be computed, or the output cannot be written"},
    {kExitUsage, "a malformed command line, descriptor or file"}};

// "Exit status:", and a line for each.
inline std::string exit_codes_text() {
  std::string text = "Exit status:";
  for (const auto& [code, meaning] : kExitCodes) {
    text += "\n  " + std::to_string(static_cast<int>(code)) + "  " + meaning;
  }
  return text;
}

}  // namespace foldconv::tool
