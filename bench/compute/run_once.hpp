// One run on memory that shows what was not written, or written elsewhere.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "compute/device_buffer.hpp"
#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::tool {

struct Output {
  std::vector<std::byte> y;
  bool in_bounds = false;  // nothing was written around y and the workspace
};

// x and the residual may hold more images than the plan reads. Errors: those of run(); cuda_error.
Result<Output> run_once(const ConvPlan& plan, const DeviceBuffer& x, const DeviceBuffer& residual);
Result<Output> run_once(const BlockPlan& plan, DataType dtype, const DeviceBuffer& x);

}  // namespace foldconv::tool
