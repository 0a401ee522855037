// SPDX-License-Identifier: MIT
// Starts the tool as a user does.
#pragma once

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "harness/test_folder.hpp"

namespace foldconv::test {

struct Outcome {
  int exit_code = -1;
  std::string out;  // stdout, and stderr where `arguments` redirect it
};

inline int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// A command of sh, its stdout a pipe.
inline Outcome shell(const std::string& command) {
  Outcome outcome;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return outcome;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    outcome.out.append(buffer.data(), n);
  }
  outcome.exit_code = exit_code_of(pclose(pipe));
  return outcome;
}

// A word of sh.
inline std::string quoted(const std::string& text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? "'\\''" : std::string(1, c);
  return word + "'";
}

// The tool as a word of sh: by a link in a folder such as a user may have, with a space, an apostrophe and a dollar.
inline const std::string& tool() {
  static const TestFolder folder;
  static const std::string word = [] {
    const std::filesystem::path link = folder.path() / "foldconv";
    std::filesystem::create_symlink(FOLDCONV_TOOL, link);
    return quoted(link.string());
  }();
  return word;
}

inline Outcome foldconv(const std::string& arguments) {
  return shell(tool() + " " + arguments);
}

// The same at a terminal with so many columns: stdout and stderr, unless they are redirected.
inline Outcome foldconv_on_terminal(const std::string& arguments, const std::string& variables = "",
                                    unsigned short columns = 80) {
  const std::string command =
      "unset NO_COLOR; export TERM=xterm; " + variables + " exec " + tool() + " " + arguments;
  const winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  int terminal = -1;
  const pid_t process = forkpty(&terminal, nullptr, nullptr, &size);
  if (process == 0) {
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  Outcome outcome;
  if (process < 0) return outcome;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = read(terminal, buffer.data(), buffer.size())) > 0;) {
    outcome.out.append(buffer.data(), static_cast<std::size_t>(n));
  }
  int status = 0;
  waitpid(process, &status, 0);
  close(terminal);
  outcome.exit_code = exit_code_of(status);
  return outcome;
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// On a full disk, and where stdout is closed, what is printed is lost.
inline void expect_a_failure_when_not_written(const std::string& arguments) {
  for (const auto& [nowhere, why] :
       {std::pair{" >/dev/full", "No space left on device"}, {" >&-", "Bad file descriptor"}}) {
    const Outcome outcome = foldconv(arguments + " 2>&1" + nowhere);
    EXPECT_EQ(outcome.exit_code, 1) << arguments << nowhere << outcome.out;
    const std::string complaint = "foldconv: standard output cannot be written: ";
    EXPECT_TRUE(has(outcome.out, complaint + why)) << arguments << nowhere << outcome.out;
  }
}

inline std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0, begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    longest = std::max(longest, end - begin);
    begin = end + 1;
  }
  return longest;
}

}  // namespace foldconv::test
