// SPDX-License-Identifier: MIT
#include "gil.hpp"

#include <unistd.h>

namespace foldconv::python {

WithoutGil::~WithoutGil() {
  try {
    PyEval_RestoreThread(state_);
  } catch (...) {  // pthread_exit, which must not leave this block
    for (;;) pause();
  }
}

}  // namespace foldconv::python
