// SPDX-License-Identifier: MIT
// Accesses outside of memory and off alignment. The constants give the line of the faulty
// statement.
#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/operand_types.hpp"

using namespace cuemu_tests;

namespace {

constexpr int kReadLine = __LINE__ + 2;
__global__ void read_element(float* out, const float* in, int index) {
  const float value = in[index];
  out[0] = value;
}
constexpr int kWriteLine = __LINE__ + 2;
__global__ void write_element(float* out, int index) {
  out[index] = 1;
}

TEST(FaultsMemory, one_element_past_an_allocation) {
  NEEDS_EMULATOR();
  const auto memory = zeroed<float>(100), out = zeroed<float>(1);
  LAUNCH(read_element, 1, 1, out.get(), memory.get(), 99);
  read_element<<<1, 1>>>(out.get(), memory.get(), 100);
  EXPECT_FAULT({"out-of-bounds"}, "read_element", {kReadLine});
  write_element<<<1, 1>>>(memory.get(), 100);
  EXPECT_FAULT({"out-of-bounds"}, "write_element", {kWriteLine});
  read_element<<<1, 1>>>(out.get(), memory.get(), -1);
  EXPECT_FAULT({"out-of-bounds"}, "read_element", {kReadLine});
}

TEST(FaultsMemory, error_code_is_that_of_a_gpu) {
  NEEDS_EMULATOR();
  const auto memory = zeroed<float>(4);
  write_element<<<1, 1>>>(memory.get(), 4);
  EXPECT_STATUS(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_FAULT({"out-of-bounds"}, "write_element", {kWriteLine});
}

TEST(FaultsMemory, null_freed_and_host_pointers) {
  NEEDS_EMULATOR();
  const auto out = zeroed<float>(1);
  read_element<<<1, 1>>>(out.get(), nullptr, 0);
  EXPECT_FAULT({"out-of-bounds"}, "read_element", {kReadLine});
  float* freed = nullptr;
  CUDA_OK(cudaMalloc(&freed, 64));
  CUDA_OK(cudaFree(freed));
  read_element<<<1, 1>>>(out.get(), freed, 0);
  EXPECT_FAULT({"out-of-bounds"}, "read_element", {kReadLine});
  float on_stack = 0;
  write_element<<<1, 1>>>(&on_stack, 0);
  EXPECT_FAULT({"out-of-bounds"}, "write_element", {kWriteLine});
  EXPECT_EQ(on_stack, 0.0f);
}

constexpr int kVectorLine = __LINE__ + 2;
__global__ void read_vector(float4* out, const char* in) {
  *out = *reinterpret_cast<const float4*>(in);
}

TEST(FaultsMemory, vector_that_begins_inside_and_ends_outside) {
  NEEDS_EMULATOR();
  const auto memory = zeroed<char>(40);
  const auto out = zeroed<float4>(1);
  read_vector<<<1, 1>>>(out.get(), memory.get() + 32);
  EXPECT_FAULT({"out-of-bounds"}, "read_vector", {kVectorLine});
}

TEST(FaultsMemory, misaligned_accesses) {
  NEEDS_EMULATOR();
  const auto memory = zeroed<char>(64);
  const auto out = zeroed<float4>(1);
  read_vector<<<1, 1>>>(out.get(), memory.get() + 8);
  EXPECT_STATUS(cudaDeviceSynchronize(), cudaErrorMisalignedAddress);
  EXPECT_FAULT({"misaligned-access"}, "read_vector", {kVectorLine});
  write_element<<<1, 1>>>(reinterpret_cast<float*>(memory.get() + 2), 3);
  EXPECT_FAULT({"misaligned-access"}, "write_element", {kWriteLine});
}

constexpr int kOneThreadLine = __LINE__ + 3;
__global__ void fault_in_one_thread(int* cells) {
  if (blockIdx.x == 2 && blockIdx.y == 1 && threadIdx.x == 5 && threadIdx.y == 3) {
    cells[1000] = 1;
  }
  cells[0] = 7;
}

TEST(FaultsMemory, the_block_and_the_thread_are_named) {
  NEEDS_EMULATOR();
  const auto cells = zeroed<int>(1);
  fault_in_one_thread<<<dim3(4, 2), dim3(8, 8)>>>(cells.get());
  const std::string text = EXPECT_FAULT({"out-of-bounds"}, "fault_in_one_thread", {kOneThreadLine});
  EXPECT_TRUE(text.find("block (2,1,0)") != std::string::npos, text);
  EXPECT_TRUE(text.find("thread (5,3,0)") != std::string::npos, text);
}

extern __shared__ float dynamic_shared[];

constexpr int kSharedWriteLine = __LINE__ + 2;
__global__ void write_dynamic_shared(int index) {
  dynamic_shared[index] = 1;
}
constexpr int kSharedReadLine = __LINE__ + 5;
__global__ void read_static_shared(float* out, int index) {
  __shared__ float tile[32];
  for (int i = 0; i < 32; ++i) tile[i] = 0;
  __syncthreads();
  out[threadIdx.x] = tile[index + threadIdx.x];
}

TEST(FaultsMemory, shared_memory) {
  NEEDS_EMULATOR();
  write_dynamic_shared<<<1, 1, 64>>>(15);
  CUDA_OK(cudaDeviceSynchronize());
  write_dynamic_shared<<<1, 1, 64>>>(16);
  EXPECT_FAULT({"out-of-bounds"}, "write_dynamic_shared", {kSharedWriteLine});
  write_dynamic_shared<<<1, 1>>>(0);
  EXPECT_FAULT({"out-of-bounds"}, "write_dynamic_shared", {kSharedWriteLine});
  const auto out = zeroed<float>(32);
  read_static_shared<<<1, 32>>>(out.get(), 1);  // the last lane only
  EXPECT_FAULT({"out-of-bounds"}, "read_static_shared", {kSharedReadLine});
  read_static_shared<<<1, 32>>>(out.get(), 1 << 20);
  EXPECT_FAULT({"out-of-bounds"}, "read_static_shared", {kSharedReadLine});
}

constexpr int kLocalLine = __LINE__ + 4;
__global__ void read_local_array(int* out, int index) {
  int table[16];
  for (int i = 0; i < 16; ++i) table[i] = out[i] + i;
  out[0] = table[index];
}

TEST(FaultsMemory, local_memory) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(16);
  LAUNCH(read_local_array, 1, 1, out.get(), 15);
  read_local_array<<<1, 1>>>(out.get(), 1 << 16);
  EXPECT_FAULT({"out-of-bounds"}, "read_local_array", {kLocalLine});
  read_local_array<<<1, 1>>>(out.get(), -(1 << 16));
  EXPECT_FAULT({"out-of-bounds"}, "read_local_array", {kLocalLine});
}

__constant__ int constants[4] = {1, 2, 3, 4};

constexpr int kConstantLine = __LINE__ + 2;
__global__ void read_constant(int* out, int index) {
  out[0] = constants[index];
}

TEST(FaultsMemory, constant_memory) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(1);
  read_constant<<<1, 1>>>(out.get(), 1 << 24);
  EXPECT_FAULT({"out-of-bounds"}, "read_constant", {kConstantLine});
}

constexpr int kAtomicLine = __LINE__ + 2;
__global__ void add_atomically(unsigned* cells) {
  asm volatile("red.global.add.u32 [%0], 1;" ::"l"(cells + threadIdx.x) : "memory");
}

TEST(FaultsMemory, atomics) {
  NEEDS_EMULATOR();
  const auto cells = zeroed<unsigned>(31);
  add_atomically<<<1, 32>>>(cells.get());
  EXPECT_FAULT({"out-of-bounds"}, "add_atomically", {kAtomicLine});
}

constexpr int kCopyLine = __LINE__ + 5;
__global__ void copy_async(const char* from, int shared_offset) {
  __shared__ alignas(16) char tile[256];
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(tile + shared_offset));
  // The line of an asm statement is that of its first token.
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
  asm volatile("cp.async.wait_all;" ::: "memory");
}

TEST(FaultsMemory, asynchronous_copies) {
  NEEDS_EMULATOR();
  const auto from = zeroed<char>(40);
  copy_async<<<1, 1>>>(from.get(), 0);
  CUDA_OK(cudaDeviceSynchronize());
  copy_async<<<1, 1>>>(from.get() + 32, 0);
  EXPECT_FAULT({"out-of-bounds"}, "copy_async", {kCopyLine});
  copy_async<<<1, 1>>>(from.get() + 8, 0);
  EXPECT_FAULT({"misaligned-access"}, "copy_async", {kCopyLine});
  copy_async<<<1, 1>>>(from.get(), 4);
  EXPECT_FAULT({"misaligned-access"}, "copy_async", {kCopyLine});
  copy_async<<<1, 1>>>(from.get(), 256);
  EXPECT_FAULT({"out-of-bounds"}, "copy_async", {kCopyLine});
}

__global__ void copy_nothing_async(const char* from, bool ignored) {
  __shared__ alignas(16) char tile[16];
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(tile));
  if (!ignored) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from),
                 "r"(threadIdx.x)
                 : "memory");
  } else {
    asm volatile(
        "{.reg .pred p;\n setp.eq.u32 p, %2, 0;\n cp.async.ca.shared.global [%0], [%1], 16, "
        "p;\n}" ::"r"(to),
        "l"(from), "r"(threadIdx.x)
        : "memory");
  }
  asm volatile("cp.async.wait_all;" ::: "memory");
}

// A lane that copies nothing may point anywhere, but not in between.
TEST(FaultsMemory, asynchronous_copies_of_nothing_are_aligned) {
  NEEDS_EMULATOR();
  const auto from = zeroed<char>(16);
  for (const bool ignored : {false, true}) {
    LAUNCH(copy_nothing_async, 1, 1, from.get(), ignored);
    LAUNCH(copy_nothing_async, 1, 1, from.get() - (1 << 20), ignored);
    copy_nothing_async<<<1, 1>>>(from.get() - 2, ignored);
    EXPECT_FAULT({"misaligned-access"}, "copy_nothing_async", {});
  }
}

constexpr int kMatrixLine = __LINE__ + 7;
__global__ void load_matrix(unsigned* out, int first_byte) {
  __shared__ alignas(16) unsigned tile[32];
  tile[threadIdx.x] = threadIdx.x;
  __syncwarp();
  const auto base = static_cast<unsigned>(__cvta_generic_to_shared(tile)) + first_byte;
  unsigned value, row = base + threadIdx.x % 8 * 16;
  asm("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(value) : "r"(row) : "memory");
  out[threadIdx.x] = value;
}

TEST(FaultsMemory, matrix_rows) {
  NEEDS_EMULATOR();
  const auto out = zeroed<unsigned>(32);
  LAUNCH(load_matrix, 1, 32, out.get(), 0);
  load_matrix<<<1, 32>>>(out.get(), 16);  // the last row lies outside
  EXPECT_FAULT({"out-of-bounds"}, "load_matrix", {kMatrixLine});
  load_matrix<<<1, 32>>>(out.get(), 8);
  EXPECT_FAULT({"misaligned-access", "out-of-bounds"}, "load_matrix", {kMatrixLine});
}

}  // namespace
