// SPDX-License-Identifier: MIT
// One line on the terminal that says what is being done. Nothing where stderr is not a terminal.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <iostream>
#include <string>
#include <utility>

namespace foldconv::tool {

class Progress {
 public:
  explicit Progress(std::size_t total) : total_(std::to_string(total)) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  // "[3/23] problem"
  void next(const std::string& problem) {
    problem_ = "[" + std::to_string(++at_) + "/" + total_ + "] " + problem;
    show(problem_);
  }
  // "[3/23] problem: what"
  void doing(const std::string& what) { show(problem_ + ": " + what); }
  // Before something is printed.
  void clear() {
    if (std::exchange(shown_, false)) std::cerr << kEraseLine << std::flush;
  }

 private:
  static constexpr std::size_t kWidth = 79;
  static constexpr const char* kEraseLine = "\r\033[K";

  void show(const std::string& line) {
    if (!on_terminal_) return;
    std::cerr << kEraseLine << line.substr(0, kWidth) << std::flush;
    shown_ = true;
  }

  bool on_terminal_ = isatty(STDERR_FILENO) == 1, shown_ = false;
  std::size_t at_ = 0;
  std::string total_, problem_;
};

}  // namespace foldconv::tool
