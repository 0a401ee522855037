// SPDX-License-Identifier: MIT
// What the runtime and the driver know of pointers, and what becomes of them: addresses that are used again, a device that is
// reset.
#include <cuda.h>

#include "../support/counting.cuh"

using namespace cuemu_tests;

namespace {

using Query = decltype(&cuPointerGetAttribute);

Query driver_query() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  CUDA_OK(cudaGetDriverEntryPointByVersion("cuPointerGetAttribute", &function, 12000,
                                           cudaEnableDefault, &found));
  EXPECT_EQ(int(found), int(cudaDriverEntryPointSuccess));
  return reinterpret_cast<Query>(function);
}

CUdeviceptr address_of(const void* pointer) {
  return reinterpret_cast<CUdeviceptr>(pointer);
}

// 0: the driver knows of none.
unsigned long long buffer_id(const void* pointer) {
  unsigned long long id = 0;
  const CUresult result = driver_query()(&id, CU_POINTER_ATTRIBUTE_BUFFER_ID, address_of(pointer));
  return result == CUDA_SUCCESS ? id : 0;
}

int legacy_ipc(const void* pointer) {
  int capable = 0;
  EXPECT_EQ(int(driver_query()(&capable, CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE,
                               address_of(pointer))),
            int(CUDA_SUCCESS));
  return capable;
}

void* allocated(size_t bytes) {
  void* memory = nullptr;
  CUDA_OK(cudaMalloc(&memory, bytes));
  return memory;
}

TEST(RuntimePointers, allocations_have_numbers_of_their_own) {
  char* const first = static_cast<char*>(allocated(100));
  const unsigned long long id = buffer_id(first);
  EXPECT_TRUE(id != 0);
  EXPECT_EQ(buffer_id(first + 99), id);
  CUDA_OK(cudaFree(first));
  EXPECT_EQ(buffer_id(first), 0ull);
  void* const second = allocated(100);
  EXPECT_TRUE(buffer_id(second) != 0 && buffer_id(second) != id);
  CUDA_OK(cudaFree(second));
  int on_stack = 0;
  EXPECT_EQ(buffer_id(&on_stack), 0ull);
}

TEST(RuntimePointers, a_pools_memory_is_no_legacy_memory) {
  void* const device = allocated(16);
  void* pooled = nullptr;
  CUDA_OK(cudaMallocAsync(&pooled, 16, nullptr));
  EXPECT_EQ(legacy_ipc(device), 1);
  EXPECT_EQ(legacy_ipc(pooled), 0);
  CUDA_OK(cudaFree(device));
  CUDA_OK(cudaFreeAsync(pooled, nullptr));
}

TEST(RuntimePointers, ranges) {
  NEEDS_EMULATOR();  // a GPU's driver may round the size up
  char* const memory = static_cast<char*>(allocated(100));
  void* begin = nullptr;
  size_t bytes = 0;
  int device = -1;
  const CUdeviceptr inside = address_of(memory + 50);
  const Query query = driver_query();
  EXPECT_EQ(int(query(&begin, CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, inside)), int(CUDA_SUCCESS));
  EXPECT_EQ(int(query(&bytes, CU_POINTER_ATTRIBUTE_RANGE_SIZE, inside)), int(CUDA_SUCCESS));
  EXPECT_EQ(int(query(&device, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, inside)), int(CUDA_SUCCESS));
  EXPECT_TRUE(begin == memory);
  EXPECT_EQ(bytes, size_t(100));
  EXPECT_EQ(device, 0);
  CUDA_OK(cudaFree(memory));
}

TEST(RuntimePointers, memory_of_another_device_has_no_address_here) {
  int count = 0;
  CUDA_OK(cudaGetDeviceCount(&count));
  if (count < 2) SKIP_TEST("one device is here");
  void* const first = allocated(16);
  cudaPointerAttributes attributes{};
  CUDA_OK(cudaPointerGetAttributes(&attributes, first));
  EXPECT_TRUE(attributes.devicePointer == first);
  CUDA_OK(cudaSetDevice(1));
  CUDA_OK(cudaPointerGetAttributes(&attributes, first));
  EXPECT_EQ(attributes.device, 0);
  EXPECT_TRUE(attributes.devicePointer == nullptr);
  CUDA_OK(cudaSetDevice(0));
  CUDA_OK(cudaFree(first));
}

TEST(RuntimePointers, may_be_asked_of_in_a_capture) {
  void* const memory = allocated(16);
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  CUDA_OK(cudaStreamCreate(&stream));
  CUDA_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  cudaPointerAttributes attributes{};
  CUDA_OK(cudaPointerGetAttributes(&attributes, memory));
  EXPECT_TRUE(buffer_id(memory) != 0);
  CUDA_OK(cudaStreamEndCapture(stream, &graph));
  EXPECT_TRUE(graph != nullptr);
  CUDA_OK(cudaGraphDestroy(graph));
  CUDA_OK(cudaStreamDestroy(stream));
  CUDA_OK(cudaFree(memory));
}

TEST(RuntimePointers, freed_addresses_are_used_again_when_asked_for) {
  NEEDS_EMULATOR();
  const auto free_and_allocate = [](void*& freed) {
    freed = allocated(3000);
    CUDA_OK(cudaFree(freed));
    void* const next = allocated(3000);
    CUDA_OK(cudaMemset(next, 0, 3000));
    CUDA_OK(cudaFree(next));
    return next;
  };
  void* freed = nullptr;
  EXPECT_TRUE(free_and_allocate(freed) != freed);
  EXPECT_EQ(cuemu_set_switch("reuse", 1), 0);
  EXPECT_TRUE(free_and_allocate(freed) == freed);
  EXPECT_EQ(cuemu_set_switch("reuse", 0), 1);
}

// "cudaDeviceReset() will not destroy memory allocations by cudaMallocAsync()".
TEST(RuntimePointers, a_reset_leaves_a_pools_memory) {
  NEEDS_EMULATOR();  // the tests' other memory on a GPU would go, too
  CUDA_OK(cudaSetDevice(0));
  void* const device = allocated(16);
  void* pooled = nullptr;
  CUDA_OK(cudaMallocAsync(&pooled, 16, nullptr));
  CUDA_OK(cudaDeviceReset());
  EXPECT_EQ(buffer_id(device), 0ull);
  EXPECT_TRUE(buffer_id(pooled) != 0);
  EXPECT_STATUS(cudaFree(device), cudaErrorInvalidValue);
  cudaGetLastError();
  CUDA_OK(cudaFreeAsync(pooled, nullptr));
}

}  // namespace
