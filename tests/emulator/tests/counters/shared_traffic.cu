// SPDX-License-Identifier: MIT
// Shared-memory wavefronts, counted by hand from the definitions in cuemu.h: 32 banks of 4 bytes;
// one phase for all lanes up to 4 bytes each, half warps at 8 bytes, quarter warps at 16; a phase
// costs its fullest bank.
#include <functional>

#include "../support/counting.cuh"

using namespace cuemu_tests;

namespace {

constexpr int kElements = 1024;

// One load and one store per warp, of element element_of_lane[lane].
template <class T>
__global__ void load_one(T* out, const int* element_of_lane) {
  __shared__ T tile[kElements];
  for (int i = threadIdx.x; i < kElements; i += blockDim.x) tile[i] = T{};
  __syncwarp();
  out[threadIdx.x] = tile[element_of_lane[threadIdx.x]];
}
template <class T>
__global__ void store_one(const T* in, const int* element_of_lane) {
  __shared__ T tile[kElements];
  const T value = in[threadIdx.x];
  tile[element_of_lane[threadIdx.x]] = value;
  asm volatile("" ::"l"(tile) : "memory");  // keeps the store
}

struct Expectation {
  const char* pattern;
  std::function<int(int)> element_of_lane;
  uint64_t wavefronts, ideal;
};

void expect_traffic(const char* file, int line, const Expectation& expected, const char* direction,
                    const cuemu_shared_traffic& traffic) {
  const std::string context = std::string(direction) + ", " + expected.pattern;
  expect_equal(file, line, "instructions", traffic.instructions, uint64_t(1), context);
  expect_equal(file, line, "wavefronts", traffic.wavefronts, expected.wavefronts, context);
  expect_equal(file, line, "ideal_wavefronts", traffic.ideal_wavefronts, expected.ideal, context);
}

template <class T>
void expect_wavefronts(const char* file, int line, std::initializer_list<Expectation> expectations,
                       int lanes = 32) {
  const auto values = zeroed<T>(32);
  for (const Expectation& expected : expectations) {
    std::vector<int> elements;
    for (int lane = 0; lane < 32; ++lane)
      elements.push_back(expected.element_of_lane(lane) % kElements);
    const DeviceBuffer<int> element_of_lane(elements);
    const auto loads = count([&] { load_one<<<1, lanes>>>(values.get(), element_of_lane.get()); });
    expect_traffic(file, line, expected, "load", loads.shared_load);
    const auto stores =
        count([&] { store_one<<<1, lanes>>>(values.get(), element_of_lane.get()); });
    expect_traffic(file, line, expected, "store", stores.shared_store);
  }
}

TEST(CountersShared, four_byte_accesses) {
  NEEDS_EMULATOR();
  expect_wavefronts<float>(__FILE__, __LINE__,
                           {{"consecutive", [](int lane) { return lane; }, 1, 1},
                            {"reversed", [](int lane) { return 31 - lane; }, 1, 1},
                            {"stride 2", [](int lane) { return 2 * lane; }, 2, 1},
                            {"stride 3", [](int lane) { return 3 * lane; }, 1, 1},
                            {"stride 4", [](int lane) { return 4 * lane; }, 4, 1},
                            {"stride 32", [](int lane) { return 32 * lane; }, 32, 1},
                            {"stride 33", [](int lane) { return 33 * lane; }, 1, 1},
                            {"one word for all", [](int) { return 5; }, 1, 1},
                            {"two words of one bank", [](int lane) { return lane % 2 * 32; }, 2, 1},
                            {"pairs of lanes share words", [](int lane) { return lane / 2; }, 1, 1},
                            {"half the lanes in one bank",
                             [](int lane) { return lane < 16 ? 32 * lane : lane; }, 16, 1}});
}

TEST(CountersShared, narrow_accesses) {
  NEEDS_EMULATOR();
  expect_wavefronts<short>(__FILE__, __LINE__,
                           {{"consecutive halves", [](int lane) { return lane; }, 1, 1},
                            {"halves a word apart", [](int lane) { return 2 * lane; }, 1, 1},
                            {"halves two words apart", [](int lane) { return 4 * lane; }, 2, 1}});
  expect_wavefronts<unsigned char>(__FILE__, __LINE__,
                                   {{"consecutive bytes", [](int lane) { return lane; }, 1, 1},
                                    {"bytes 16 apart", [](int lane) { return 16 * lane; }, 4, 1}});
}

TEST(CountersShared, eight_byte_accesses) {
  NEEDS_EMULATOR();
  expect_wavefronts<float2>(__FILE__, __LINE__,
                            {{"consecutive", [](int lane) { return lane; }, 2, 2},
                             {"one element for all", [](int) { return 3; }, 2, 2},
                             {"stride 2", [](int lane) { return 2 * lane; }, 4, 2},
                             {"stride 16", [](int lane) { return 16 * lane; }, 32, 2}});
}

TEST(CountersShared, sixteen_byte_accesses) {
  NEEDS_EMULATOR();
  expect_wavefronts<float4>(
      __FILE__, __LINE__,
      {{"consecutive", [](int lane) { return lane; }, 4, 4},
       {"one element for all", [](int) { return 9; }, 4, 4},
       {"stride 2", [](int lane) { return 2 * lane; }, 8, 4},
       {"rows of 128 bytes", [](int lane) { return 8 * lane; }, 32, 4},
       {"rows of 128 bytes, swizzled", [](int lane) { return 8 * lane + (lane % 8); }, 4, 4},
       {"rows of 144 bytes", [](int lane) { return 9 * lane; }, 4, 4},
       // Lanes of different quarters do not share a phase.
       {"the same row for each quarter", [](int lane) { return lane % 8; }, 4, 4}});
}

TEST(CountersShared, inactive_lanes_cost_nothing) {
  NEEDS_EMULATOR();
  expect_wavefronts<float>(__FILE__, __LINE__,
                           {{"8 lanes, stride 32", [](int lane) { return 32 * lane; }, 8, 1},
                            {"8 lanes, consecutive", [](int lane) { return lane; }, 1, 1}},
                           8);
}

// Each lane gives the address of one row of 16 bytes.
template <int kMatrices>
__global__ void load_matrices(unsigned* out, const int* byte_of_row) {
  __shared__ alignas(128) unsigned char tile[32 * 144];
  for (int i = threadIdx.x; i < 32 * 36; i += 32) reinterpret_cast<unsigned*>(tile)[i] = i;
  __syncwarp();
  const auto address =
      static_cast<unsigned>(__cvta_generic_to_shared(tile + byte_of_row[threadIdx.x]));
  unsigned r0 = 0, r1 = 0, r2 = 0, r3 = 0;
  if (kMatrices == 1) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
                 : "=r"(r0)
                 : "r"(address)
                 : "memory");
  } else if (kMatrices == 2) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r0), "=r"(r1)
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r0), "=r"(r1), "=r"(r2), "=r"(r3)
                 : "r"(address)
                 : "memory");
  }
  out[threadIdx.x] = r0 + r1 + r2 + r3;
}

template <int kMatrices>
void expect_matrix_wavefronts(const char* file, int line, const Expectation& expected) {
  std::vector<int> bytes;
  for (int lane = 0; lane < 32; ++lane) bytes.push_back(expected.element_of_lane(lane));
  const DeviceBuffer<int> byte_of_row(bytes);
  const DeviceBuffer<unsigned> out(32);
  const auto counters =
      count([&] { load_matrices<kMatrices><<<1, 32>>>(out.get(), byte_of_row.get()); });
  expect_traffic(file, line, expected, "ldmatrix", counters.ldmatrix);
  expect_equal(file, line, "ordinary loads", counters.shared_load.instructions, uint64_t(0),
               expected.pattern);
}

TEST(CountersShared, ldmatrix) {
  NEEDS_EMULATOR();
  const auto plain = [](int lane) { return lane * 128; };
  const auto swizzled = [](int lane) { return lane * 128 + (lane % 8) * 16; };
  const auto packed = [](int lane) { return lane * 16; };
  const auto padded = [](int lane) { return lane * 144; };
  const auto half_swizzled = [](int lane) { return lane * 128 + (lane % 4) * 16; };
  expect_matrix_wavefronts<4>(__FILE__, __LINE__, {"rows of 128 bytes", plain, 32, 4});
  expect_matrix_wavefronts<4>(__FILE__, __LINE__,
                              {"rows of 128 bytes, xor-swizzled", swizzled, 4, 4});
  expect_matrix_wavefronts<4>(__FILE__, __LINE__,
                              {"rows of 128 bytes, swizzled over 4", half_swizzled, 8, 4});
  expect_matrix_wavefronts<4>(__FILE__, __LINE__, {"rows of 16 bytes", packed, 4, 4});
  expect_matrix_wavefronts<4>(__FILE__, __LINE__, {"rows of 144 bytes", padded, 4, 4});
  expect_matrix_wavefronts<2>(__FILE__, __LINE__, {"rows of 128 bytes", plain, 16, 2});
  expect_matrix_wavefronts<2>(__FILE__, __LINE__,
                              {"rows of 128 bytes, xor-swizzled", swizzled, 2, 2});
  expect_matrix_wavefronts<1>(__FILE__, __LINE__, {"rows of 128 bytes", plain, 8, 1});
}

template <int kBytes>
__global__ void copy_async(const char* from, int stride) {
  __shared__ alignas(128) char tile[32 * 128];
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(tile + threadIdx.x * stride));
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(to),
               "l"(from + threadIdx.x * kBytes), "n"(kBytes)
               : "memory");
  asm volatile("cp.async.wait_all;" ::: "memory");
}

TEST(CountersShared, asynchronous_copies) {
  NEEDS_EMULATOR();
  const auto from = zeroed<char>(512);
  const auto expect = [](int line, const char* pattern, uint64_t wavefronts, uint64_t ideal,
                         const cuemu_counters& counters) {
    expect_traffic(__FILE__, line, {pattern, {}, wavefronts, ideal}, "cp.async",
                   counters.async_copy);
    expect_equal(__FILE__, line, "ordinary stores", counters.shared_store.instructions, uint64_t(0),
                 pattern);
  };
  expect(__LINE__, "16 bytes, dense", 4, 4,
         count([&] { copy_async<16><<<1, 32>>>(from.get(), 16); }));
  expect(__LINE__, "16 bytes, 128 apart", 32, 4,
         count([&] { copy_async<16><<<1, 32>>>(from.get(), 128); }));
  expect(__LINE__, "8 bytes, dense", 2, 2, count([&] { copy_async<8><<<1, 32>>>(from.get(), 8); }));
  expect(__LINE__, "4 bytes, dense", 1, 1, count([&] { copy_async<4><<<1, 32>>>(from.get(), 4); }));
  expect(__LINE__, "4 bytes, 8 apart", 2, 1,
         count([&] { copy_async<4><<<1, 32>>>(from.get(), 8); }));
}

}  // namespace
