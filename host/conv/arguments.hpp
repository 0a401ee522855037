// SPDX-License-Identifier: MIT
// Checks of what a caller hands to a launch, before anything is launched.
#pragma once

#include <cstddef>
#include <cstdint>

#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/status.hpp"

namespace foldconv::host {

// A buffer in an argument list. `bytes` is what the kernel touches, from the first to the last of them. Of a tensor:
// bytes from a pixel to the next, and of its channels; what lies between is not touched.
struct Buffer {
  const char* name;
  const void* data;
  std::int64_t bytes;
  std::int64_t pitch = 0, pixel = 0;
};
// NHWC, `pitch` elements from a pixel to the next. Sizes passed checked_product() with it.
Buffer tensor_buffer(const char* name, const void* data, const Shape& shape, int pitch,
                     DataType dtype);

// Null is invalid_argument; else misaligned if `data` is no multiple of `alignment`; in checked runs, what
// check_reachable() says of it.
Status check_pointer(const Buffer& buffer, std::size_t alignment);

// aliasing if the two share a byte, with one exception: the same first byte and pitch, where `in_place`. Parts of the
// channels of one tensor share none.
enum class Overlap { never, in_place };
Status check_overlap(const Buffer& a, const Buffer& b, Overlap permitted);

// How many of a plan's n images a run is of: `images`, or all where that is 0. Errors: invalid_argument.
Result<int> images_of_run(int images, int n);

// All rules of ConvPlan::run() on its buffers. `problem` passed validate().
Status check_buffers(const ConvProblem& problem, const ConvBuffers& buffers,
                     std::size_t workspace_bytes);

// The same for BlockPlan::run().
Status check_block_buffers(const Shape& input, const Shape& output, const BlockPitches& pitch,
                           DataType dtype, const BlockBuffers& buffers,
                           std::size_t workspace_bytes);

}  // namespace foldconv::host
