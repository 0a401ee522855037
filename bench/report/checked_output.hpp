// SPDX-License-Identifier: MIT
// Output that cannot be lost unseen.
#pragma once

#include <ostream>
#include <stdexcept>
#include <streambuf>

namespace foldconv::tool {

// Says what cannot be written and why.
class OutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// As long as it lives, what `out` (stdout) cannot write is an OutputError, there and then: on a full disk, or where
// it is closed.
class CheckedOutput : private std::streambuf {
 public:
  explicit CheckedOutput(std::ostream& out);
  CheckedOutput(const CheckedOutput&) = delete;
  CheckedOutput& operator=(const CheckedOutput&) = delete;
  ~CheckedOutput() override;

 private:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

  std::ostream& out_;
  std::streambuf& buffer_;
};

}  // namespace foldconv::tool
