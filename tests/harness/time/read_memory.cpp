// SPDX-License-Identifier: MIT
#include <algorithm>

#include "harness/error.hpp"
#include "harness/time/read_all.hpp"
#include "harness/time/timing.hpp"

namespace foldconv::harness {

void read_memory(const DeviceBuffer& buffer, cudaStream_t stream) {
  constexpr std::size_t kMostCtas = 1024;
  std::size_t count = buffer.bytes() / sizeof(uint4);
  if (count == 0) return;
  const auto ctas = static_cast<unsigned>(std::min((count - 1) / kReadAllThreads + 1, kMostCtas));
  const auto* from = static_cast<const uint4*>(buffer.data());
  unsigned* never = nullptr;
  void* arguments[] = {&from, &count, &never};
  // Its own error, not one that an earlier call left.
  check(
      cudaLaunchKernel(read_all_kernel(), dim3(ctas), dim3(kReadAllThreads), arguments, 0, stream),
      "reading memory");
}

}  // namespace foldconv::harness
