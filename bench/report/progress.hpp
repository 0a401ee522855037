// SPDX-License-Identifier: MIT
// One line on the terminal that says what is being done. Nothing where stderr is not a terminal.
#pragma once

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace foldconv::tool {

inline void show_progress(const std::string& line) {
  constexpr std::size_t kWidth = 79;
  if (isatty(STDERR_FILENO) == 0) return;
  std::cerr << "\r\033[K" << line.substr(0, kWidth) << std::flush;
}

class Progress {
 public:
  explicit Progress(std::size_t total) : total_(std::to_string(total)) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  void next(const std::string& problem) {  // "[3/23] problem"
    problem_ = "[" + std::to_string(++at_) + "/" + total_ + "] " + problem;
    show_progress(problem_);
  }
  void doing(const std::string& what) const { show_progress(problem_ + ": " + what); }
  void clear() const { show_progress(""); }  // before something is printed

 private:
  std::string total_, problem_;
  std::size_t at_ = 0;
};

// For as long as it lives: after two seconds, then each second, what `doing` says, and the seconds.
class Waiting {
 public:
  explicit Waiting(std::function<std::string()> doing)
      : thread_([doing = std::move(doing)](const std::stop_token& stop) {
          using std::chrono::seconds;
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          seconds waited(2);
          never.wait_for(lock, stop, waited, [] { return false; });
          for (; !stop.stop_requested(); waited += seconds(1)) {
            show_progress(doing() + ", " + std::to_string(waited.count()) + " s");
            never.wait_for(lock, stop, seconds(1), [] { return false; });
          }
          show_progress("");
        }) {}

 private:
  std::jthread thread_;
};

}  // namespace foldconv::tool
