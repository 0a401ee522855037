// SPDX-License-Identifier: MIT
// Work without Python's global lock.
#pragma once

#include <cxxabi.h>
#include <nanobind/nanobind.h>

namespace foldconv::python {

// For a thread that wants the GIL when the interpreter has ended, as from Python 3.14 on: before, Python ends it by
// pthread_exit, which C++ frames do not survive.
[[noreturn]] void wait_for_ever();

// A call of what may be written in Python, where a thread may lose the GIL.
template <class Function>
auto in_python(const Function& function) {
  try {
    return function();
  } catch (abi::__forced_unwind&) {  // pthread_exit, which must not leave this block
    wait_for_ever();
  }
}

// Without the GIL, and then with it again.
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
