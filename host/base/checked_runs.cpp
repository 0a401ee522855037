// SPDX-License-Identifier: MIT
#include "foldconv/checked_runs.hpp"

#include <atomic>
#include <cstdlib>
#include <string_view>

namespace foldconv {
namespace {

enum class Checked { not_asked, no, yes };
std::atomic<Checked> state = Checked::not_asked;

Checked by_environment() noexcept {
  const char* const value = std::getenv("FOLDCONV_CHECK_RUNS");
  const std::string_view wanted = value != nullptr ? value : "";
  return wanted.empty() || wanted == "0" ? Checked::no : Checked::yes;
}

}  // namespace

void check_runs(bool checked) noexcept {
  state.store(checked ? Checked::yes : Checked::no, std::memory_order_relaxed);
}

bool runs_are_checked() noexcept {
  Checked now = state.load(std::memory_order_relaxed);
  if (now == Checked::not_asked) {
    // Unless another thread has called check_runs() meanwhile.
    const Checked wanted = by_environment();
    if (state.compare_exchange_strong(now, wanted, std::memory_order_relaxed)) now = wanted;
  }
  return now == Checked::yes;
}

}  // namespace foldconv
