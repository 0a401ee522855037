// SPDX-License-Identifier: MIT
// An array of a call, seen to fit the plan.
#pragma once

#include <nanobind/nanobind.h>

#include "dlpack.hpp"
#include "host_array.hpp"
#include "work.hpp"

namespace foldconv::python {

struct Operand {
  void* data = nullptr;  // on the device; of a host array null until it is staged
  HostArray host = {};   // of one on the host
  BorrowedTensor borrowed = {};
  int images = 0;  // its first extent, where the port is batched; else 0

  std::size_t bytes = 0;
};

enum class Use { read, written };

// Raises, naming the array, for what is none, or does not fit: device, dtype, rank, extents, strides, alignment.
// `who`: input "image". One that is written has `images` images. A stream's `owner`: see memory.hpp.
Operand operand_of(nanobind::handle x, const Port& port, Use use, int device, int images,
                   cudaStream_t stream, nanobind::handle owner, const std::string& who);

}  // namespace foldconv::python
