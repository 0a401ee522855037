// SPDX-License-Identifier: MIT
// What a Conv holds.
#pragma once

#include "base/device.hpp"
#include "base/device_memory.hpp"
#include "base/internals.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"

namespace foldconv {

struct Conv::Data {
  DataType dtype;
  int k, c_per_group, r, s;
  int device;
  host::DeviceFigures figures;  // of the device
  DeviceSpeed speed;
  host::DeviceMemory memory;
  const void* weights;  // in `memory`, as the following; packed
  const float* scale;
  const float* bias;
};

namespace host {
using ConvData = DataOf<Conv>;

// Bytes of the sums over tiles of 8 x 8 pixels of y (tile/mean_order.hpp) that the planned kernel can make beside y; 0: it
// makes none.
std::size_t sums_bytes(const ConvPlan& plan);
// ConvPlan::run(), and these sums of the run's images: [n][tiles][k]. Not checked.
Status run_with_sums(const ConvPlan& plan, const ConvBuffers& buffers, float* sums,
                     cudaStream_t stream);
}  // namespace host

}  // namespace foldconv
