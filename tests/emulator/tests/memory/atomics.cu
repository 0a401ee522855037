// SPDX-License-Identifier: MIT
// Atomic operations on global and shared memory: every operation, returned values, contention over
// a grid.
#include <algorithm>
#include <numeric>

#include "support/device.cuh"

using namespace cuemu_tests;

namespace {

// Each thread applies every operation to a cell of its own, so that results and returned values are
// known.
template <class T>
__device__ void apply_all(T* cells, T* old, T operand) {
  old[0] = atomicAdd(&cells[0], operand);
  old[1] = atomicMin(&cells[1], operand);
  old[2] = atomicMax(&cells[2], operand);
  old[3] = atomicAnd(&cells[3], operand);
  old[4] = atomicOr(&cells[4], operand);
  old[5] = atomicXor(&cells[5], operand);
  old[6] = atomicExch(&cells[6], operand);
  old[7] = atomicCAS(&cells[7], T(1000), operand);
  old[8] = atomicCAS(&cells[8], cells[7], operand);
}
constexpr int kOperations = 9;

template <class T>
__global__ void apply_to_global(T* cells, T* old, const T* operands) {
  const int i = threadIdx.x;
  apply_all(cells + i * kOperations, old + i * kOperations, operands[i]);
}
template <class T>
__global__ void apply_to_shared(T* cells, T* old, const T* operands) {
  __shared__ T shared[32 * kOperations];
  const int i = threadIdx.x;
  for (int k = 0; k < kOperations; ++k) shared[i * kOperations + k] = cells[i * kOperations + k];
  apply_all(shared + i * kOperations, old + i * kOperations, operands[i]);
  for (int k = 0; k < kOperations; ++k) cells[i * kOperations + k] = shared[i * kOperations + k];
}

template <class T>
void expect_all_operations(const char* file, int line) {
  std::vector<T> before, operands, after, old;
  for (int i = 0; i < 32; ++i) {
    const T x = operands.emplace_back(T((i - 16) * 77777777));
    for (int k = 0; k < kOperations; ++k)
      before.push_back(k == 7 && i % 2 == 0 ? T(1000) : T(i * 31 - k * 200));
    const T* b = &before[i * kOperations];
    const T seventh = b[7] == T(1000) ? x : b[7];
    for (T value : {T(b[0] + x), std::min(b[1], x), std::max(b[2], x), T(b[3] & x), T(b[4] | x),
                    T(b[5] ^ x), x, seventh, b[8] == seventh ? x : b[8]}) {
      after.push_back(value);
    }
    old.insert(old.end(), b, b + kOperations);
  }
  for (auto kernel : {apply_to_global<T>, apply_to_shared<T>}) {
    const DeviceBuffer<T> cells(before), returned(old.size()), device_operands(operands);
    kernel<<<1, 32>>>(cells.get(), returned.get(), device_operands.get());
    expect_success(file, line, "atomics", cudaDeviceSynchronize());
    expect_values(file, line, cells.download(), after);
    expect_values(file, line, returned.download(), old);
  }
}
#define EXPECT_ALL_OPERATIONS(T) expect_all_operations<T>(__FILE__, __LINE__)

TEST(Atomics, every_integer_operation_and_the_value_it_returns) {
  EXPECT_ALL_OPERATIONS(int);
  EXPECT_ALL_OPERATIONS(unsigned);
  EXPECT_ALL_OPERATIONS(unsigned long long);
}

__global__ void wrap_counters(unsigned* cells) {
  atomicInc(&cells[0], 6);  // 0 .. 6
  atomicDec(&cells[1], 6);  // 6 .. 0
}

TEST(Atomics, increment_and_decrement_wrap) {
  const DeviceBuffer<unsigned> cells(std::vector<unsigned>{0, 0});
  LAUNCH(wrap_counters, 2, 50, cells.get());
  EXPECT_VALUES(cells.download(), {100 % 7, (7 - 100 % 7) % 7});
}

__global__ void contend(unsigned* histogram, unsigned long long* sum, float* float_sum,
                        double* double_sum, int* minimum) {
  __shared__ unsigned bins[8];
  __shared__ float partial;
  if (threadIdx.x < 8) bins[threadIdx.x] = 0;
  if (threadIdx.x == 0) partial = 0;
  __syncthreads();
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  atomicAdd(&bins[i * i % 8], 1u);
  atomicAdd(&partial, 0.25f);
  __syncthreads();
  if (threadIdx.x < 8) atomicAdd(&histogram[threadIdx.x], bins[threadIdx.x]);
  if (threadIdx.x == 0) atomicAdd(float_sum, partial);
  atomicAdd(sum, static_cast<unsigned long long>(i) << 20);
  atomicAdd(double_sum, 0.5);
  atomicMin(minimum, 5000 - static_cast<int>(i * 7 % 5001));
}

TEST(Atomics, contention_over_the_grid) {
  const unsigned kBlocks = 20, kThreads = 96, kTotal = kBlocks * kThreads;
  const auto histogram = zeroed<unsigned>(8);
  const auto sum = zeroed<unsigned long long>(1);
  const auto float_sum = zeroed<float>(1);
  const auto double_sum = zeroed<double>(1);
  const DeviceBuffer<int> minimum(std::vector<int>{1 << 30});
  LAUNCH(contend, kBlocks, kThreads, histogram.get(), sum.get(), float_sum.get(), double_sum.get(),
         minimum.get());
  std::vector<unsigned> bins(8);
  int lowest = 1 << 30;
  for (unsigned i = 0; i < kTotal; ++i) {
    ++bins[i * i % 8];
    lowest = std::min(lowest, 5000 - static_cast<int>(i * 7 % 5001));
  }
  EXPECT_VALUES(histogram.download(), bins);
  EXPECT_EQ(sum.download()[0], static_cast<unsigned long long>(kTotal) * (kTotal - 1) / 2 << 20);
  EXPECT_EQ(float_sum.download()[0], kTotal * 0.25f);  // exact: no partial sum is rounded
  EXPECT_EQ(double_sum.download()[0], kTotal * 0.5);
  EXPECT_EQ(minimum.download()[0], lowest);
}

__global__ void set_narrow_flags(unsigned short* cells) {
  // Neighbours in one word must not disturb one another.
  atomicCAS(&cells[threadIdx.x], static_cast<unsigned short>(threadIdx.x % 2 == 0 ? 0 : 9),
            static_cast<unsigned short>(5));
}

TEST(Atomics, compare_and_swap_of_16_bits) {
  const auto cells = zeroed<unsigned short>(6);
  LAUNCH(set_narrow_flags, 1, 6, cells.get());
  EXPECT_VALUES(cells.download(), {5, 0, 5, 0, 5, 0});
}

__device__ float atomic_multiply(float* address, float factor) {
  auto* bits = reinterpret_cast<unsigned*>(address);
  unsigned old = *bits, assumed;
  do {
    assumed = old;
    old = atomicCAS(bits, assumed, __float_as_uint(__uint_as_float(assumed) * factor));
  } while (old != assumed);
  return __uint_as_float(old);
}

__global__ void multiply_all(float* product) {
  atomic_multiply(product, threadIdx.x % 2 == 0 ? 2.0f : 0.5f);
}

TEST(Atomics, compare_and_swap_loop) {
  const DeviceBuffer<float> product(std::vector<float>{3});
  LAUNCH(multiply_all, 4, 64, product.get());
  EXPECT_EQ(product.download()[0], 3.0f);
}

__global__ void add_under_lock(int* lock, int* total) {
  // One lane of each warp takes part: a spinning lane must not keep the holder of the lock from
  // running.
  if (threadIdx.x % 32 == 0) {
    while (atomicCAS(lock, 0, 1) != 0) {
    }
    __threadfence();
    *reinterpret_cast<volatile int*>(total) = *reinterpret_cast<volatile int*>(total) + 1;
    __threadfence();
    atomicExch(lock, 0);
  }
}

TEST(Atomics, spin_lock_across_blocks) {
  const auto lock = zeroed<int>(1), total = zeroed<int>(1);
  LAUNCH(add_under_lock, 8, 128, lock.get(), total.get());
  EXPECT_EQ(total.download()[0], 32);
}

// Every lane for itself: without independent scheduling of a warp's lanes this loop would never
// end.
__global__ void lock_per_lane(int* lock, int* total) {
  for (bool done = false; !done;) {
    if (atomicCAS(lock, 0, 1) == 0) {
      *reinterpret_cast<volatile int*>(total) = *reinterpret_cast<volatile int*>(total) + 1;
      __threadfence();
      atomicExch(lock, 0);
      done = true;
    }
  }
}

TEST(Atomics, lock_contended_within_a_warp) {
  const auto lock = zeroed<int>(1), total = zeroed<int>(1);
  LAUNCH(lock_per_lane, 2, 64, lock.get(), total.get());
  EXPECT_EQ(total.download()[0], 128);
}

__global__ void last_block_sums(const int* in, int* partial, unsigned* arrived, int* out) {
  __shared__ int sum;
  __shared__ bool last;
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  atomicAdd_block(&sum, in[blockIdx.x * blockDim.x + threadIdx.x]);
  __syncthreads();
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
    __threadfence();
    last = atomicAdd(arrived, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (!last || threadIdx.x != 0) return;
  int total = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) total += reinterpret_cast<volatile int*>(partial)[i];
  *out = total;
}

TEST(Atomics, last_block_reduction) {
  std::vector<int> values(10 * 64);
  std::iota(values.begin(), values.end(), 1);
  const DeviceBuffer<int> in(values), partial(10), out(1);
  const auto arrived = zeroed<unsigned>(1);
  LAUNCH(last_block_sums, 10, 64, in.get(), partial.get(), arrived.get(), out.get());
  EXPECT_EQ(out.download()[0], 640 * 641 / 2);
}

// Blocks wait for those before them, as in a reduction over split work. (The other way round CUDA
// promises nothing: the later blocks need not be running.)
__global__ void take_turns(volatile int* turn, int* order) {
  if (threadIdx.x == 0) {
    while (*turn != static_cast<int>(blockIdx.x)) {
    }
    order[*turn] = 100 + blockIdx.x;
    __threadfence();
    *turn = *turn + 1;
  }
}

TEST(Atomics, blocks_take_turns) {
  const auto turn = zeroed<int>(1), order = zeroed<int>(8);
  LAUNCH(take_turns, 8, 64, turn.get(), order.get());
  EXPECT_VALUES(order.download(), {100, 101, 102, 103, 104, 105, 106, 107});
}

__global__ void use_qualified_forms(unsigned* cells, unsigned short* half_cells) {
  asm volatile("red.global.add.u32 [%0], 3;" ::"l"(cells) : "memory");
  asm volatile("red.release.gpu.global.max.u32 [%0+4], %1;" ::"l"(cells), "r"(threadIdx.x)
               : "memory");
  asm volatile("{.reg .u32 old;\n atom.acq_rel.cta.add.u32 old, [%0+8], 1;\n}" ::"l"(cells)
               : "memory");
  // 1.0 in both halves; sums of up to 64 are exact.
  asm volatile("red.global.add.noftz.f16x2 [%0], %1;" ::"l"(half_cells), "r"(0x3c003c00)
               : "memory");
}

TEST(Atomics, reductions_and_qualifiers) {
  const auto cells = zeroed<unsigned>(3);
  const auto halves = zeroed<unsigned short>(2);
  LAUNCH(use_qualified_forms, 1, 64, cells.get(), halves.get());
  EXPECT_VALUES(cells.download(), {192, 63, 64});
  EXPECT_VALUES(halves.download(), {0x5400, 0x5400});
}

}  // namespace
