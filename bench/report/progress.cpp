// SPDX-License-Identifier: MIT
#include "report/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <condition_variable>
#include <iostream>
#include <mutex>

#include "report/color.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

// Of the terminal, one less than it has: some begin a new line in the last.
std::size_t columns() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return (known ? size.ws_col : kUsual) - 1;
}

std::string duration_text(double seconds) {
  constexpr double kMinute = 60, kHour = 3600;
  if (seconds < 2 * kMinute) return fixed(seconds, 0) + " s";
  if (seconds < 2 * kHour) return fixed(seconds / kMinute, 0) + " min";
  return fixed(seconds / kHour, 1) + " h";
}

}  // namespace

void show_progress(const std::string& line) {
  if (!is_capable_terminal(STDERR_FILENO)) return;
  std::cerr << "\r\033[K" << without_controls(line).substr(0, columns()) << std::flush;
}

std::string pace_text(std::size_t done, std::size_t total, double seconds) {
  if (done == 0 || !(seconds > 0)) return "";
  const double each = seconds / static_cast<double>(done);
  const double left = done < total ? each * static_cast<double>(total - done) : 0;
  const std::string rate =
      each > 1 ? duration_text(each) + " each" : fixed(1 / each, each > 0.1 ? 1 : 0) + "/s";
  return rate + ", " + duration_text(left) + " left";
}

void Progress::next(const std::string& problem) {
  const auto now = std::chrono::steady_clock::now();
  if (at_ == 0) begin_ = now;
  const std::chrono::duration<double> past = now - begin_;
  const std::string pace = pace_text(at_, total_, past.count());
  problem_ = "[" + std::to_string(++at_) + "/" + std::to_string(total_) +
             (pace.empty() ? "" : ", " + pace) + "] " + problem;
  show_progress(problem_);
}

void Progress::doing(const std::string& what) const {
  show_progress(problem_ + ": " + what);
}

Waiting::Waiting(const std::function<Doing()>& doing)
    : thread_([doing](const std::stop_token& stop) {
        using std::chrono::seconds;
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        seconds waited(2);
        never.wait_for(lock, stop, waited, [] { return false; });
        for (; !stop.stop_requested(); waited += seconds(1)) {
          const auto [what, done, total] = doing();
          const std::string pace = pace_text(done, total, static_cast<double>(waited.count()));
          show_progress(what + ", " + std::to_string(waited.count()) + " s" +
                        (pace.empty() ? "" : ", " + pace));
          never.wait_for(lock, stop, seconds(1), [] { return false; });
        }
        show_progress("");
      }) {}

}  // namespace foldconv::tool
