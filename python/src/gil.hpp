// SPDX-License-Identifier: MIT
// Work without Python's global lock.
#pragma once

#include <nanobind/nanobind.h>

namespace foldconv::python {

// Without the GIL, and then with it again. A thread that wants it when the interpreter has ended waits for ever, as from
// Python 3.14 on: before, Python ends it by pthread_exit, which C++ frames do not survive.
class WithoutGil {
 public:
  WithoutGil() noexcept : state_(PyEval_SaveThread()) {}
  ~WithoutGil();
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace foldconv::python
