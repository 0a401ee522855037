// SPDX-License-Identifier: MIT
// One line on the terminal that says what is being done, how fast it goes and how long it will take. Nothing where
// stderr is no terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <thread>

namespace foldconv::tool {

// Written over the one before; "": none.
void show_progress(const std::string& line);

// "1.2/s, 18 s left" of what takes about as long each; "": nothing is done yet.
std::string pace_text(std::size_t done, std::size_t total, double seconds);

// Of a list, problem by problem. It writes when it is called, and no other time: nothing runs beside a measurement.
class Progress {
 public:
  explicit Progress(std::size_t total) : total_(total) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  void next(const std::string& problem);  // "[3/23, 1.2/s, 18 s left] problem"
  void doing(const std::string& what) const;
  void clear() const { show_progress(""); }  // before something is printed

 private:
  std::size_t total_, at_ = 0;
  std::chrono::steady_clock::time_point begin_ = {};  // of the first problem
  std::string problem_;
};

struct Doing {
  std::string what;
  std::size_t done = 0, total = 0;  // 0: nobody counts
};

// For as long as it lives: after two seconds, then each second, what `doing` says, the seconds, and its pace.
class Waiting {
 public:
  explicit Waiting(const std::function<Doing()>& doing);

 private:
  std::jthread thread_;
};

}  // namespace foldconv::tool
