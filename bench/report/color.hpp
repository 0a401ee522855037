// SPDX-License-Identifier: MIT
// Colour, for people at a terminal: headings, verdicts, complaints.
#pragma once

#include <string>

namespace foldconv::tool {

enum class Coloring { automatic, always, never };

// Whether to color what goes to this file descriptor. automatic: where it is a terminal that can, and NO_COLOR
// (no-color.org) is unset or empty.
bool takes_color(Coloring coloring, int descriptor);

// A terminal on which a line can be written anew: none that TERM calls dumb.
bool is_capable_terminal(int descriptor);

// Leaves texts as they are unless it is `on`.
class Paint {
 public:
  Paint() = default;
  explicit Paint(bool on) : on_(on) {}

  std::string heading(const std::string& text) const;
  // Of a text or a cell that begins with PASS, FAIL, NO, WRONG or "not possible" these words.
  std::string verdict(const std::string& text) const;
  std::string complaint(const std::string& text) const;

 private:
  std::string painted(const std::string& text, const char* color) const;

  bool on_ = false;
};

}  // namespace foldconv::tool
