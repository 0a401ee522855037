// SPDX-License-Identifier: MIT
#include "report/progress.hpp"

#include <unistd.h>

#include <iostream>

namespace foldconv::tool {
namespace {

constexpr std::size_t kWidth = 79;
constexpr const char* kEraseLine = "\r\033[K";

}  // namespace

Progress::Progress(std::size_t total) : on_terminal_(isatty(STDERR_FILENO) == 1), total_(total) {}

void Progress::next(const std::string& problem) {
  ++at_;
  problem_ = "[" + std::to_string(at_) + "/" + std::to_string(total_) + "] " + problem;
  show(problem_);
}

void Progress::doing(const std::string& what) {
  show(problem_ + ": " + what);
}

void Progress::clear() {
  if (!shown_) return;
  std::cerr << kEraseLine << std::flush;
  shown_ = false;
}

void Progress::show(const std::string& line) {
  if (!on_terminal_) return;
  std::cerr << kEraseLine << line.substr(0, kWidth) << std::flush;
  shown_ = true;
}

}  // namespace foldconv::tool
