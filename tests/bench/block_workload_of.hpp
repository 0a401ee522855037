// Data for the blocks of a descriptor.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "compute/block_workload.hpp"

namespace foldconv::tool {

inline BlockWorkload workload_of(const std::string& text, const Options& options = {}) {
  const Result<BlockDescriptor> descriptor = parse_block_descriptor(text);
  EXPECT_TRUE(descriptor.ok()) << descriptor.status().message();
  Result<BlockWorkload> workload = make_block_workload(*descriptor, options);
  EXPECT_TRUE(workload.ok()) << workload.status().message();
  return std::move(*workload);
}

}  // namespace foldconv::tool
