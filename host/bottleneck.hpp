// The whole-block kernel: what it takes, and its launch.
#pragma once

#include <string>

#include "block_data.hpp"
#include "device.hpp"
#include "registry.hpp"

namespace foldconv::host {

// The tile for the block on the device; null, and why in `refusal`, where the kernel does not take
// it.
const BottleneckKernel* select_bottleneck(const Block::Data& block, const BlockProblem& problem,
                                          const DeviceFigures& device, std::string& refusal);

// Tiles of y, one CTA at a time each.
std::int64_t bottleneck_tiles(const BottleneckTile& tile, const BlockProblem& problem);

LaunchShape bottleneck_launch_shape(const BottleneckTile& tile, const Block::Data& block,
                                    const BlockProblem& problem, const DeviceFigures& device);

// Parameters with x and y null.
BottleneckParams bottleneck_params(const BottleneckTile& tile, const Block::Data& block,
                                   const BlockProblem& problem);

}  // namespace foldconv::host
