// What a Conv holds.
#pragma once

#include "base/device_memory.hpp"
#include "foldconv/conv.hpp"

namespace foldconv {

struct Conv::Data {
  DataType dtype;
  int k, c_per_group, r, s;
  int device;
  host::DeviceMemory weights;  // packed
  host::DeviceMemory scale;
  host::DeviceMemory bias;
};

}  // namespace foldconv
