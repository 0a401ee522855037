// SPDX-License-Identifier: MIT
// One line on the terminal that says what is being done. Nothing where stderr is not a terminal.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <iostream>
#include <string>

namespace foldconv::tool {

class Progress {
 public:
  explicit Progress(std::size_t total) : total_(std::to_string(total)) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  void next(const std::string& problem) {  // "[3/23] problem"
    problem_ = "[" + std::to_string(++at_) + "/" + total_ + "] " + problem;
    show(problem_);
  }
  void doing(const std::string& what) const { show(problem_ + ": " + what); }
  void clear() const { show(""); }  // before something is printed

 private:
  static void show(const std::string& line) {
    constexpr std::size_t kWidth = 79;
    if (isatty(STDERR_FILENO) == 0) return;
    std::cerr << "\r\033[K" << line.substr(0, kWidth) << std::flush;
  }

  std::string total_, problem_;
  std::size_t at_ = 0;
};

}  // namespace foldconv::tool
