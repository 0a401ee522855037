// SPDX-License-Identifier: MIT
#include "gil.hpp"

#include <unistd.h>

namespace foldconv::python {

void wait_for_ever() {
  for (;;) pause();
}

WithoutGil::~WithoutGil() {
  in_python([this] { PyEval_RestoreThread(state_); });
}

}  // namespace foldconv::python
