// SPDX-License-Identifier: MIT
#include "report/checked_output.hpp"

#include <cerrno>
#include <system_error>

namespace foldconv::tool {
namespace {

[[noreturn]] void fail_to_write() {
  throw OutputError("standard output cannot be written: " + std::generic_category().message(errno) +
                    "; give it to a file or a program that takes all of it");
}

}  // namespace

CheckedOutput::CheckedOutput(std::ostream& out) : out_(out), buffer_(*out.rdbuf(this)) {
  out_.exceptions(std::ios::badbit);  // what a buffer throws comes out only so
}

CheckedOutput::~CheckedOutput() {
  out_.exceptions(std::ios::goodbit);
  out_.rdbuf(&buffer_);
}

CheckedOutput::int_type CheckedOutput::overflow(int_type c) {
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const int_type put = buffer_.sputc(traits_type::to_char_type(c));
  if (traits_type::eq_int_type(put, traits_type::eof())) fail_to_write();
  return put;
}

std::streamsize CheckedOutput::xsputn(const char* text, std::streamsize size) {
  if (buffer_.sputn(text, size) != size) fail_to_write();
  return size;
}

int CheckedOutput::sync() {
  if (buffer_.pubsync() != 0) fail_to_write();
  return 0;
}

}  // namespace foldconv::tool
