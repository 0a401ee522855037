// SPDX-License-Identifier: MIT
// One line on the terminal that says what is being done. Nothing where stderr is not a terminal.
#pragma once

#include <cstddef>
#include <string>

namespace foldconv::tool {

class Progress {
 public:
  explicit Progress(std::size_t total);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  void next(const std::string& problem);  // "[3/23] problem"
  void doing(const std::string& what);    // "[3/23] problem: what"
  void clear();                           // before something is printed

 private:
  void show(const std::string& line);

  bool on_terminal_;
  bool shown_ = false;
  std::size_t total_, at_ = 0;
  std::string problem_;
};

}  // namespace foldconv::tool
