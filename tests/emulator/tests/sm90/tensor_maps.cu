// SPDX-License-Identifier: MIT
// The driver's functions that make tensor maps: how a program gets them, and what they refuse, by the comments of cuda.h.
#include "../support/tensors.cuh"

using namespace cuemu_tests;

namespace tensor_map_tests {

using namespace tensors;

void* const kAddress = reinterpret_cast<void*>(uintptr_t{1} << 32);

Tensor tiled() {
  Tensor t;
  t.type = CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  t.rank = 3;
  t.dims = {64, 20, 10, 1, 1};
  t.box = {64, 8, 2, 1, 1};
  return t;
}
Tensor im2col() {
  Tensor t;
  t.type = CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  t.im2col = true;
  t.rank = 4;
  t.dims = {64, 20, 10, 4, 1};
  t.channels = 64;
  t.pixels = 128;
  return t;
}

// One value of a map's parameters, the last that is allowed and the first that is not.
template <class Change>
void expect_limit(const char* file, int line, Tensor t, Change change, int64_t allowed,
                  int64_t refused) {
  CUtensorMap map;
  Tensor within = t, past = t;
  change(within, allowed);
  change(past, refused);
  expect_equal(file, line, "status", int(within.encode(map, kAddress)), int(CUDA_SUCCESS),
               "of " + std::to_string(allowed));
  expect_equal(file, line, "status", int(past.encode(map, kAddress)), int(CUDA_ERROR_INVALID_VALUE),
               "of " + std::to_string(refused));
}
#define EXPECT_LIMIT(...) expect_limit(__FILE__, __LINE__, __VA_ARGS__)
#define SET(what) [](Tensor& t, int64_t v) { what = static_cast<std::decay_t<decltype(what)>>(v); }

TEST(HopperTensorMaps, entry_points) {
  NEEDS_HOPPER();
  for (const char* name :
       {"cuTensorMapEncodeTiled", "cuTensorMapEncodeIm2col", "cuTensorMapReplaceAddress"}) {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
    CUDA_OK(cudaGetDriverEntryPointByVersion(name, &function, 12000, cudaEnableDefault, &found));
    EXPECT_EQ(int(found), int(cudaDriverEntryPointSuccess), name);
    EXPECT_TRUE(function != nullptr, name);
    CUDA_OK(cudaGetDriverEntryPointByVersion(name, &function, 11080, cudaEnableDefault, &found));
    EXPECT_EQ(int(found), int(cudaDriverEntryPointVersionNotSufficent), name);
    EXPECT_TRUE(function == nullptr, name);
  }
  void* function = &function;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSuccess;
  CUDA_OK(cudaGetDriverEntryPointByVersion("cuTensorMapEncode", &function, 12000, cudaEnableDefault,
                                           &found));
  EXPECT_EQ(int(found), int(cudaDriverEntryPointSymbolNotFound));
  EXPECT_TRUE(function == nullptr);
}

TEST(HopperTensorMaps, limits_of_both_kinds) {
  NEEDS_HOPPER();
  for (const Tensor& t : {tiled(), im2col()}) {
    EXPECT_LIMIT(t, SET(t.dims[2]), 1, 0);
    Tensor flat = t;  // whose strides are short
    flat.dims = {64, 1, 1, 1, 1};
    EXPECT_LIMIT(flat, SET(t.dims[t.rank - 1]), int64_t{1} << 32, (int64_t{1} << 32) + 1);
    EXPECT_LIMIT(t, SET(t.pitch_padding), 16, 8);
    EXPECT_LIMIT(t, SET(t.steps[1]), 1, 0);
    EXPECT_LIMIT(t, SET(t.steps[2]), 8, 9);
    EXPECT_LIMIT(t, SET(t.swizzle), CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_SWIZZLE_64B);
    EXPECT_LIMIT(t, SET(t.swizzle), CU_TENSOR_MAP_SWIZZLE_NONE, CU_TENSOR_MAP_SWIZZLE_32B);
    EXPECT_LIMIT(t, SET(t.fill), CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA, 2);
    Tensor integers = t;
    integers.type = CU_TENSOR_MAP_DATA_TYPE_UINT16;
    EXPECT_LIMIT(integers, SET(t.fill), CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
                 CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA);
    EXPECT_LIMIT(t, SET(t.interleave), CU_TENSOR_MAP_INTERLEAVE_16B, 3);
    Tensor ignored = t;
    ignored.steps[0] = 0;
    CUtensorMap map;
    EXPECT_EQ(int(ignored.encode(map, kAddress)), int(CUDA_SUCCESS));
  }
}

TEST(HopperTensorMaps, strides_below_2_to_the_40) {
  NEEDS_HOPPER();
  Tensor t = tiled();
  t.dims = {64, 1 << 20, 2, 1, 1};
  // Rows of 2^20 - 16 bytes, 2^20 of them; of 2^20 bytes.
  EXPECT_LIMIT(t, SET(t.pitch_padding), (1 << 20) - 128 - 16, (1 << 20) - 128);
}

TEST(HopperTensorMaps, limits_of_tiles) {
  NEEDS_HOPPER();
  EXPECT_LIMIT(tiled(), SET(t.rank), 1, 0);
  EXPECT_LIMIT(tiled(), SET(t.rank), 5, 6);
  EXPECT_LIMIT(tiled(), SET(t.box[1]), 1, 0);
  EXPECT_LIMIT(tiled(), SET(t.box[1]), 256, 257);
  EXPECT_LIMIT(tiled(), SET(t.box[0]), 256, 264);
  EXPECT_LIMIT(tiled(), SET(t.box[0]), 8, 4);  // 16 bytes, 8 bytes
  Tensor interleaved = tiled();
  interleaved.interleave = CU_TENSOR_MAP_INTERLEAVE_16B;
  EXPECT_LIMIT(interleaved, SET(t.rank), 3, 2);
  interleaved.interleave = CU_TENSOR_MAP_INTERLEAVE_32B;
  EXPECT_LIMIT(interleaved, SET(t.swizzle), CU_TENSOR_MAP_SWIZZLE_32B, CU_TENSOR_MAP_SWIZZLE_64B);
  interleaved.swizzle = CU_TENSOR_MAP_SWIZZLE_32B;
  EXPECT_LIMIT(interleaved, SET(t.pitch_padding), 32, 16);
  for (const auto& [swizzle, elements] :
       {std::pair(CU_TENSOR_MAP_SWIZZLE_32B, 16), std::pair(CU_TENSOR_MAP_SWIZZLE_64B, 32),
        std::pair(CU_TENSOR_MAP_SWIZZLE_128B, 64)}) {
    Tensor t = tiled();
    t.swizzle = swizzle;
    EXPECT_LIMIT(t, SET(t.box[0]), elements, elements + 8);
  }
  EXPECT_LIMIT(tiled(), SET(t.type), CU_TENSOR_MAP_DATA_TYPE_TFLOAT32_FTZ, 16);
}

TEST(HopperTensorMaps, limits_of_im2col) {
  NEEDS_HOPPER();
  EXPECT_LIMIT(im2col(), SET(t.rank), 3, 2);
  EXPECT_LIMIT(im2col(), SET(t.rank), 5, 6);
  EXPECT_LIMIT(im2col(), SET(t.channels), 256, 257);
  EXPECT_LIMIT(im2col(), SET(t.pixels), 1024, 1025);
  for (const auto& [rank, reach] : {std::pair(3, 32768), std::pair(4, 128), std::pair(5, 16)}) {
    Tensor t = im2col();
    t.rank = rank;
    t.dims[1] = 40000;
    for (int side = 0; side < rank - 2; ++side) {
      const auto lower = [=](Tensor& x, int64_t v) { x.lower[side] = static_cast<int>(v); };
      const auto upper = [=](Tensor& x, int64_t v) { x.upper[side] = static_cast<int>(v); };
      EXPECT_LIMIT(t, lower, -reach, -reach - 1);
      EXPECT_LIMIT(t, upper, reach - 1, reach);
    }
  }
  // A width of 20: the box has the pixels from 4 to 19 + upper.
  Tensor t = im2col();
  t.lower = {4, 0, 0};
  EXPECT_LIMIT(t, SET(t.upper[0]), -15, -16);
}

TEST(HopperTensorMaps, addresses) {
  NEEDS_HOPPER();
  auto* const encode = driver_function<decltype(cuTensorMapEncodeTiled)>("cuTensorMapEncodeTiled");
  auto* const replace =
      driver_function<decltype(cuTensorMapReplaceAddress)>("cuTensorMapReplaceAddress");
  const Tensor t = tiled();
  const auto at = [&](uintptr_t bytes) {
    return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(kAddress) + bytes);
  };
  CUtensorMap map;
  EXPECT_EQ(int(t.encode(map, at(16))), int(CUDA_SUCCESS));
  EXPECT_EQ(int(replace(&map, at(32))), int(CUDA_SUCCESS));
  EXPECT_EQ(int(replace(&map, at(8))), int(CUDA_ERROR_INVALID_VALUE));
  EXPECT_EQ(int(t.encode(map, at(8))), int(CUDA_ERROR_INVALID_VALUE));
  Tensor interleaved = t;
  interleaved.interleave = CU_TENSOR_MAP_INTERLEAVE_32B;
  interleaved.swizzle = CU_TENSOR_MAP_SWIZZLE_32B;
  EXPECT_EQ(int(interleaved.encode(map, at(32))), int(CUDA_SUCCESS));
  EXPECT_EQ(int(replace(&map, at(16))), int(CUDA_ERROR_INVALID_VALUE));
  EXPECT_EQ(int(interleaved.encode(map, at(16))), int(CUDA_ERROR_INVALID_VALUE));
  // The map itself: multiples of 64.
  alignas(128) unsigned char memory[256];
  const auto strides = t.strides();
  for (const int place : {0, 64, 32, 8}) {
    auto* const to = reinterpret_cast<CUtensorMap*>(memory + place);
    const int expected = place % 64 == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    EXPECT_EQ(int(encode(to, t.type, 3, at(0), t.dims.data(), strides.data(), t.box.data(),
                         t.steps.data(), t.interleave, t.swizzle, CU_TENSOR_MAP_L2_PROMOTION_NONE,
                         t.fill)),
              expected, "at " + std::to_string(place));
    EXPECT_EQ(int(replace(to, at(0))), expected, "at " + std::to_string(place));
  }
}

}  // namespace tensor_map_tests
