// SPDX-License-Identifier: MIT
// Tensor stores and reductions: tiles clipped at the tensor's borders, im2col without offsets, and what is wrong with them.
#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/float_formats.hpp"
#include "../support/tensors.cuh"

using namespace cuemu_tests;

namespace tensor_store_tests {

using namespace tensors;

enum class Form : int {
  tile,
  im2col,
  add,
  min,
  max,
  inc,
  dec,
  conjunction,
  disjunction,
  exclusive
};

#define STORE_2D(text)                                                                   \
  asm volatile(text " [%0, {%1, %2}], [%3];" ::"l"(map), "r"(c[0]), "r"(c[1]), "r"(from) \
               : "memor"                                                                 \
                 "y")
#define REDUCE_2D(operation) \
  STORE_2D("cp.reduce.async.bulk.tensor.2d.global.shared::cta." operation ".tile.bulk_group")

__device__ void reduce_tile(const void* map, const int (&c)[5], uint32_t from, Form form) {
  if (form == Form::add) REDUCE_2D("add");
  if (form == Form::min) REDUCE_2D("min");
  if (form == Form::max) REDUCE_2D("max");
  if (form == Form::inc) REDUCE_2D("inc");
  if (form == Form::dec) REDUCE_2D("dec");
  if (form == Form::conjunction) REDUCE_2D("and");
  if (form == Form::disjunction) REDUCE_2D("or");
  if (form == Form::exclusive) REDUCE_2D("xor");
}

__device__ void store(const void* map, const int (&c)[5], uint32_t from, int rank, bool im2col) {
#define STORE(dim, mode, list, ...)                                                              \
  asm volatile("cp.async.bulk.tensor." dim ".global.shared::cta." mode ".bulk_group [%0, {" list \
               "}], [%1];" ::"l"(map),                                                           \
               "r"(from), __VA_ARGS__                                                            \
               : "memory")
  if (rank == 1) STORE("1d", "tile", "%2", "r"(c[0]));
  if (rank == 2) STORE("2d", "tile", "%2, %3", "r"(c[0]), "r"(c[1]));
#define STORES(dim, list, ...)                       \
  if (im2col)                                        \
    STORE(dim, "im2col_no_offs", list, __VA_ARGS__); \
  else                                               \
    STORE(dim, "tile", list, __VA_ARGS__)
  if (rank == 3) {
    STORES("3d", "%2, %3, %4", "r"(c[0]), "r"(c[1]), "r"(c[2]));
  }
  if (rank == 4) {
    STORES("4d", "%2, %3, %4, %5", "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]));
  }
  if (rank == 5) {
    STORES("5d", "%2, %3, %4, %5, %6", "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]), "r"(c[4]));
  }
#undef STORES
#undef STORE
}

// The shared memory's bytes come from `image`; it is overwritten as soon as it has been read.
__global__ void store_kernel(const __grid_constant__ CUtensorMap map, Copy copy, Form form,
                             const unsigned char* image) {
  for (uint32_t i = threadIdx.x; i < copy.memory_bytes; i += blockDim.x) *memory_at(i) = image[i];
  hopper::fence_async();
  __syncthreads();
  if (threadIdx.x == 0) {
    const uint32_t from = aligned_memory() + copy.place;
    if (form == Form::tile || form == Form::im2col)
      store(&map, copy.start, from, copy.rank, form == Form::im2col);
    else
      reduce_tile(&map, copy.start, from, form);
    asm volatile("cp.async.bulk.commit_group;\ncp.async.bulk.wait_group.read 0;" ::: "memory");
  }
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < copy.memory_bytes; i += blockDim.x) *memory_at(i) = 0xDD;
  if (threadIdx.x == 0) asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
}

struct Stored {
  Bytes before, image, after;  // the tensor; shared memory
};

Stored run_store(const Tensor& t, const Place& start, size_t elements, Form form, uint32_t place) {
  Stored s;
  const Copy c = copy_of(t, start, elements, place);
  s.before = random_bytes(t.bytes(), 3);
  s.image = random_bytes(c.memory_bytes, 4);
  const DeviceBuffer<uint8_t> memory(s.before), image(s.image);
  launch(store_kernel, 32, t.map(memory.get()), c, form, image.get());
  CUDA_OK(cudaDeviceSynchronize());
  s.after = memory.download();
  return s;
}

bool check_store(const char* file, int line, const Tensor& t, const Place& start,
                 const std::vector<Place>& elements, Form form, uint32_t place = 0) {
  const Stored s = run_store(t, start, elements.size(), form, place);
  Bytes expected = s.before;
  uint32_t at = place;
  for (const Place& p : elements)
    for (int b = 0; b < t.element_bytes; ++b, ++at)
      if (t.holds(p)) expected[t.offset(p) + b] = s.image[swizzled(at, t.swizzle)];
  const auto differs = std::mismatch(s.after.begin(), s.after.end(), expected.begin());
  if (differs.first == s.after.end()) return true;
  return expect_equal(
      file, line, "byte", int(*differs.first), int(*differs.second),
      "at " + std::to_string(differs.first - s.after.begin()) + "; " + describe(t, start));
}

TEST(HopperTensorStores, any_tile) {
  NEEDS_HOPPER();
  static constexpr CUtensorMapDataType kTypes[] = {
      CU_TENSOR_MAP_DATA_TYPE_UINT8, CU_TENSOR_MAP_DATA_TYPE_UINT16, CU_TENSOR_MAP_DATA_TYPE_UINT32,
      CU_TENSOR_MAP_DATA_TYPE_UINT64};
  Random random(91);
  for (int i = 0; i < 200; ++i) {
    Tensor t;
    const int type = random.between(0, 3);
    t.type = kTypes[type];
    t.element_bytes = 1 << type;
    t.rank = random.between(1, 5);
    t.swizzle = static_cast<CUtensorMapSwizzle>(random.between(0, 3));
    t.box[0] = 16 / t.element_bytes << t.swizzle;
    t.dims[0] = random.between(1, 2 * int(t.box[0]));
    t.pitch_padding = 16 * random.between(0, 2);
    Place start{random.between(0, int(t.dims[0]) + 1), 0, 0, 0, 0};
    for (int n = 1; n < t.rank; ++n) {
      t.dims[n] = random.between(1, 7);
      t.box[n] = random.between(1, 5);
      t.steps[n] = random.between(0, 2) == 0 ? random.between(1, 8) : 1;
      start[n] = random.between(0, int(t.dims[n]) + 1);
    }
    if (!check_store(__FILE__, __LINE__, t, start, tile_elements(t, start), Form::tile,
                     128 * random.between(0, 9)))
      return;
  }
}

// Rows of a matrix of the pixels between the corners, back to the pixels.
TEST(HopperTensorStores, im2col_without_offsets) {
  NEEDS_HOPPER();
  Tensor t;
  t.im2col = true;
  t.rank = 4;
  t.dims = {24, 7, 5, 2, 1};
  t.channels = 16;
  t.pixels = 20;
  t.lower = {1, 0, 0};
  t.upper = {0, -1, 0};
  t.steps = {1, 2, 1, 1, 1};
  // Columns 1, 3, 5 of rows 0 to 3, from the third pixel of the second row on: 7 more pixels in this image, 12 in the next,
  // one in an image that is not there. Half of the channels are past the end.
  std::vector<Place> elements;
  for (int pixel = 5; pixel < 25; ++pixel)
    for (int channel = 16; channel < 32; ++channel)
      elements.push_back({channel, 1 + 2 * (pixel % 3), pixel / 3 % 4, pixel / 12, 0});
  check_store(__FILE__, __LINE__, t, {16, 5, 1, 0, 0}, elements, Form::im2col);
  t.rank = 3;
  t.dims = {24, 7, 3, 1, 1};
  t.steps[1] = 1;
  t.pixels = 9;
  elements.clear();
  for (int pixel = 2; pixel < 11; ++pixel)
    for (int channel = 4; channel < 20; ++channel)
      elements.push_back({channel, 1 + pixel % 6, pixel / 6, 0, 0});
  check_store(__FILE__, __LINE__, t, {4, 3, 0, 0, 0}, elements, Form::im2col);
}

TEST(HopperTensorStores, counters) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  Tensor t;
  t.swizzle = CU_TENSOR_MAP_SWIZZLE_128B;
  t.dims = {96, 70, 1, 1, 1};
  t.box = {64, 64, 1, 1, 1};
  const Place start{64, 30, 0, 0, 0};  // half of the columns, 40 rows
  const cuemu_counters c = count(
      [&] { check_store(__FILE__, __LINE__, t, start, tile_elements(t, start), Form::tile); });
  EXPECT_EQ(c.tma_stores, uint64_t{1});
  EXPECT_EQ(c.tma_store_bytes, uint64_t{40 * 64});
  EXPECT_EQ(c.tma_global_sectors, uint64_t{40 * 2});
  EXPECT_EQ(c.tma_loads, uint64_t{0});
}

// --- Reductions

template <class T>
T reduced(Form form, T old, T value) {
  switch (form) {
    case Form::min:
      return std::min(old, value);
    case Form::max:
      return std::max(old, value);
    case Form::inc:
      return old >= value ? 0 : T(old + 1);
    case Form::dec:
      return old == 0 || old > value ? value : T(old - 1);
    case Form::conjunction:
      return T(old & value);
    case Form::disjunction:
      return T(old | value);
    case Form::exclusive:
      return T(old ^ value);
    default:
      return T(std::make_unsigned_t<T>(old) + std::make_unsigned_t<T>(value));
  }
}

Tensor reduction_tensor(CUtensorMapDataType type, int element_bytes) {
  Tensor t;
  t.type = type;
  t.element_bytes = element_bytes;
  t.swizzle = CU_TENSOR_MAP_SWIZZLE_64B;
  t.box = {static_cast<cuuint32_t>(64 / element_bytes), 6, 1, 1, 1};
  t.dims = {t.box[0] + 5, 9, 1, 1, 1};
  return t;
}

// combine(old bits, bits of the source) of each element.
template <class Bits, class Combine>
void check_reduction(const char* file, int line, CUtensorMapDataType type, Form form,
                     Combine combine) {
  const Tensor t = reduction_tensor(type, sizeof(Bits));
  const Place start{7, 5, 0, 0, 0};
  const std::vector<Place> elements = tile_elements(t, start);
  const Stored s = run_store(t, start, elements.size(), form, 0);
  Bytes expected = s.before;
  uint32_t at = 0;
  for (const Place& p : elements) {
    if (t.holds(p)) {
      Bits old, value;
      std::memcpy(&old, &s.before[t.offset(p)], sizeof old);
      std::memcpy(&value, &s.image[swizzled(at, t.swizzle)], sizeof value);
      const Bits result = combine(old, value);
      std::memcpy(&expected[t.offset(p)], &result, sizeof result);
    }
    at += sizeof(Bits);
  }
  for (size_t i = 0; i < expected.size(); ++i)
    if (!expect_equal(file, line, "byte", int(s.after[i]), int(expected[i]),
                      "at " + std::to_string(i) + ", form " + std::to_string(int(form))))
      return;
}

template <class T>
void check_integers(const char* file, int line, CUtensorMapDataType type,
                    std::initializer_list<Form> forms) {
  for (const Form form : forms)
    check_reduction<T>(file, line, type, form,
                       [form](T old, T value) { return reduced<T>(form, old, value); });
}
#define CHECK_INTEGERS(type, ...) check_integers<type>(__FILE__, __LINE__, __VA_ARGS__)

TEST(HopperTensorStores, reductions_of_integers) {
  NEEDS_HOPPER();
  CHECK_INTEGERS(uint32_t, CU_TENSOR_MAP_DATA_TYPE_UINT32,
                 {Form::add, Form::min, Form::max, Form::inc, Form::dec, Form::conjunction,
                  Form::disjunction, Form::exclusive});
  CHECK_INTEGERS(int32_t, CU_TENSOR_MAP_DATA_TYPE_INT32, {Form::add, Form::min, Form::max});
  CHECK_INTEGERS(
      uint64_t, CU_TENSOR_MAP_DATA_TYPE_UINT64,
      {Form::add, Form::min, Form::max, Form::conjunction, Form::disjunction, Form::exclusive});
  CHECK_INTEGERS(int64_t, CU_TENSOR_MAP_DATA_TYPE_INT64, {Form::min, Form::max});
}

// A sum of two random numbers, once in a while a NaN: of that only that it is one.
TEST(HopperTensorStores, reductions_of_floats) {
  NEEDS_HOPPER();
  const auto flush = [](float v) { return std::fabs(v) < 0x1p-126f ? std::copysign(0.0f, v) : v; };
  check_reduction<uint32_t>(__FILE__, __LINE__, CU_TENSOR_MAP_DATA_TYPE_FLOAT32, Form::add,
                            [&](uint32_t old, uint32_t value) {
                              return bit_cast<uint32_t>(flush(flush(bit_cast<float>(old)) +
                                                              flush(bit_cast<float>(value))));
                            });
  for (const auto& [type, format] : {std::pair(CU_TENSOR_MAP_DATA_TYPE_FLOAT16, kF16),
                                     std::pair(CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, kBf16)}) {
    check_reduction<uint16_t>(
        __FILE__, __LINE__, type, Form::add, [format = format](uint16_t old, uint16_t value) {
          return encode(add_round_to_odd(decode(old, format), decode(value, format)), format);
        });
    for (const Form form : {Form::min, Form::max})
      check_reduction<uint16_t>(
          __FILE__, __LINE__, type, form, [format = format, form](uint16_t old, uint16_t value) {
            const double a = decode(old, format), b = decode(value, format);
            return encode(form == Form::min ? std::fmin(a, b) : std::fmax(a, b), format);
          });
  }
}

// --- What is wrong

__global__ void faulty_store(const __grid_constant__ CUtensorMap map, int x, int y, int place) {
  __shared__ alignas(128) unsigned char memory[512];
  for (int i = threadIdx.x; i < 512; i += 32) memory[i] = 1;
  hopper::fence_async();
  __syncwarp();
  if (threadIdx.x != 0) return;
  asm volatile(
      "cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%1, %2}], [%3];" ::"l"(&map),
      "r"(x), "r"(y), "r"(hopper::address_of(memory) + place)
      : "memory");
  asm volatile("cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;" ::: "memory");
}
constexpr int kStoreLine = __LINE__ - 4;

__global__ void faulty_im2col_store(const __grid_constant__ CUtensorMap map, int w, int n) {
  __shared__ alignas(128) unsigned char memory[512];
  for (int i = threadIdx.x; i < 512; i += 32) memory[i] = 1;
  hopper::fence_async();
  __syncwarp();
  if (threadIdx.x != 0) return;
  asm volatile(
      "cp.async.bulk.tensor.3d.global.shared::cta.im2col_no_offs.bulk_group [%0, {%1, %2, %3}], "
      "[%4];" ::"l"(&map),
      "r"(0), "r"(w), "r"(n), "r"(hopper::address_of(memory))
      : "memory");
  asm volatile("cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;" ::: "memory");
}
constexpr int kIm2colStoreLine = __LINE__ - 4;

__global__ void faulty_reduction(const __grid_constant__ CUtensorMap map) {
  __shared__ alignas(128) unsigned char memory[512];
  for (int i = threadIdx.x; i < 512; i += 32) memory[i] = 1;
  hopper::fence_async();
  __syncwarp();
  if (threadIdx.x != 0) return;
  asm volatile(
      "cp.reduce.async.bulk.tensor.2d.global.shared::cta.inc.bulk_group [%0, {%1, %2}], [%3];" ::
          "l"(&map),
      "r"(0), "r"(0), "r"(hopper::address_of(memory))
      : "memory");
  asm volatile("cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;" ::: "memory");
}
constexpr int kReductionLine = __LINE__ - 4;

TEST(HopperTensorStores, faults) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const auto data = zeroed<uint32_t>(24 * 6);
  Tensor t;
  t.type = CU_TENSOR_MAP_DATA_TYPE_UINT32;
  t.element_bytes = 4;
  t.dims = {24, 6, 1, 1, 1};
  t.box = {16, 4, 1, 1, 1};
  LAUNCH(faulty_store, 1, 32, t.map(data.get()), 23, 5, 0);
  for (const auto& [x, y] : {std::pair(-1, 0), std::pair(0, -1)}) {
    faulty_store<<<1, 32>>>(t.map(data.get()), x, y, 0);
    EXPECT_FAULT({"negative-store"}, "faulty_store", {kStoreLine});
  }
  faulty_store<<<1, 32>>>(t.map(data.get()), 0, 0, 64);
  EXPECT_FAULT({"misaligned-access"}, "faulty_store", {kStoreLine});
  faulty_store<<<1, 32>>>(t.map(data.get()), 0, 0, 384);
  EXPECT_FAULT({"out-of-bounds"}, "faulty_store", {kStoreLine});
  t.dims[1] = 7;  // a row more than there is
  faulty_store<<<1, 32>>>(t.map(data.get()), 0, 3, 0);
  EXPECT_FAULT({"out-of-bounds"}, "faulty_store", {kStoreLine});
  t.dims[1] = 6;
  t.type = CU_TENSOR_MAP_DATA_TYPE_UINT32;
  LAUNCH(faulty_reduction, 1, 32, t.map(data.get()));
  t.type = CU_TENSOR_MAP_DATA_TYPE_INT32;
  faulty_reduction<<<1, 32>>>(t.map(data.get()));
  EXPECT_FAULT({"tensor-map-misuse"}, "faulty_reduction", {kReductionLine});
}

TEST(HopperTensorStores, faults_of_im2col) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const auto data = zeroed<uint32_t>(8 * 6 * 3);
  Tensor t;
  t.type = CU_TENSOR_MAP_DATA_TYPE_UINT32;
  t.element_bytes = 4;
  t.im2col = true;
  t.rank = 3;
  t.dims = {8, 6, 3, 1, 1};
  t.channels = 8;
  t.pixels = 4;
  const auto run = [&](int w, int n) { faulty_im2col_store<<<1, 32>>>(t.map(data.get()), w, n); };
  run(0, 2);
  CUDA_OK(cudaDeviceSynchronize());
  run(0, -1);
  EXPECT_FAULT({"negative-store"}, "faulty_im2col_store", {kIm2colStoreLine});
  run(6, 0);
  EXPECT_FAULT({"im2col-start"}, "faulty_im2col_store", {kIm2colStoreLine});
  t.lower[0] = -1;
  run(0, 0);
  EXPECT_FAULT({"negative-store"}, "faulty_im2col_store", {kIm2colStoreLine});
  t.lower[0] = 0;
  t.upper[0] = 1;
  run(0, 0);
  EXPECT_FAULT({"negative-store"}, "faulty_im2col_store", {kIm2colStoreLine});
}

}  // namespace tensor_store_tests
