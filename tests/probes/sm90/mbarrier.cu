// SPDX-License-Identifier: MIT
// mbarrier: a script of operations on one barrier, run by one thread; and rounds of a whole block.
#include "sm90/kernels.hpp"
#include "sm90/ptx.cuh"

namespace foldconv::probes {
namespace {

__global__ void script_kernel(const BarrierCommand* commands, int count,
                              const std::uint32_t* source, std::uint32_t* out) {
  __shared__ alignas(8) std::uint64_t bits;
  __shared__ alignas(16) std::uint32_t landing[4];
  bits = 0;  // defined even before the first command
  const std::uint32_t barrier = ptx::shared_address(&bits);
  std::uint64_t state = 0;
  for (int i = 0; i < count; ++i) {
    const std::uint32_t value = commands[i].value;
    std::uint32_t result = 0;
    switch (commands[i].step) {
      case BarrierStep::init:
        ptx::mbarrier_init(barrier, value);
        break;
      case BarrierStep::invalidate:
        ptx::mbarrier_invalidate(barrier);
        break;
      case BarrierStep::arrive:
        state = ptx::mbarrier_arrive(barrier, value);
        result = ptx::mbarrier_pending_count(state);
        break;
      case BarrierStep::arrive_drop:
        state = ptx::mbarrier_arrive_drop(barrier, value);
        result = ptx::mbarrier_pending_count(state);
        break;
      case BarrierStep::arrive_no_complete:
        state = ptx::mbarrier_arrive_no_complete(barrier, value);
        result = ptx::mbarrier_pending_count(state);
        break;
      case BarrierStep::arrive_expect_tx:
        state = ptx::mbarrier_arrive_expect_tx(barrier, value);
        result = ptx::mbarrier_pending_count(state);
        break;
      case BarrierStep::expect_tx:
        ptx::mbarrier_expect_tx(barrier, value);
        break;
      case BarrierStep::complete_tx:
        ptx::mbarrier_complete_tx(barrier, value);
        break;
      case BarrierStep::test_parity:
        result = ptx::mbarrier_test_parity(barrier, value);
        break;
      case BarrierStep::try_parity:
        result = ptx::mbarrier_try_parity(barrier, value);
        break;
      case BarrierStep::test_state:
        result = ptx::mbarrier_test_state(barrier, state);
        break;
      case BarrierStep::copy_async_arrive:
        ptx::copy_async_16(ptx::shared_address(landing), source);
        ptx::copy_async_arrive_noinc(barrier);
        asm volatile("cp.async.wait_all;" ::: "memory");
        // The arrival follows the copies in its own time.
        for (int turn = 0; turn < 100; ++turn) __nanosleep(100);
        result = landing[0];
        break;
    }
    const std::uint64_t now = *const_cast<volatile std::uint64_t*>(&bits);
    out[3 * i] = result;
    out[3 * i + 1] = static_cast<std::uint32_t>(now);
    out[3 * i + 2] = static_cast<std::uint32_t>(now >> 32);
  }
}

__global__ void rounds_kernel(int rounds, std::uint32_t* out) {
  __shared__ alignas(8) std::uint64_t bits;
  const std::uint32_t barrier = ptx::shared_address(&bits);
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(barrier, blockDim.x);
    ptx::fence_mbarrier_init();
  }
  __syncthreads();
  std::uint32_t seen = 0;
  long long cycles = 0;
  for (int round = 0; round < rounds; ++round) {
    const long long start = clock64();
    ptx::mbarrier_arrive(barrier, 1);
    seen += ptx::wait_bounded(barrier, static_cast<std::uint32_t>(round & 1));
    cycles = clock64() - start;
  }
  out[threadIdx.x] = seen;
  if (threadIdx.x == 0) out[blockDim.x] = static_cast<std::uint32_t>(cycles);
}

}  // namespace

cudaError_t launch_barrier_script(const BarrierCommand* commands, int count,
                                  const std::uint32_t* source, std::uint32_t* out) {
  script_kernel<<<1, 1>>>(commands, count, source, out);
  return cudaGetLastError();
}

cudaError_t launch_barrier_rounds(int threads, int rounds, std::uint32_t* out) {
  rounds_kernel<<<1, static_cast<unsigned>(threads)>>>(rounds, out);
  return cudaGetLastError();
}

}  // namespace foldconv::probes
