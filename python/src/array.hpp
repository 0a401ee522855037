// SPDX-License-Identifier: MIT
// foldconv.Array: an array on a device, which other libraries take by DLPack.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "element.hpp"
#include "memory.hpp"

namespace foldconv::python {

struct Array {
  std::shared_ptr<StreamMemory> memory = {};
  Extents shape = {};
  const Element* element = &kF32;

  std::size_t bytes() const { return elements_of(shape) * element->bytes; }
};

// A new NumPy array that is not filled.
nanobind::object empty_numpy(const Extents& shape, const Element& element);

// The address of a NumPy array's elements.
void* numpy_data(nanobind::handle array);

void register_array(nanobind::module_& module);

}  // namespace foldconv::python
