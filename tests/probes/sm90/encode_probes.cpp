// SPDX-License-Identifier: MIT
// What the driver refuses to encode as a tensor map: calls at each limit that cuda.h states beside
// cuTensorMapEncodeTiled and cuTensorMapEncodeIm2col, and past it. Words: the result code of each call, in the
// order of the notes. Expected: success at a limit, CUDA_ERROR_INVALID_VALUE past it; nothing where cuda.h leaves it open.
#include "probe/device.hpp"
#include "sm90/driver.hpp"
#include "sm90/probes.hpp"

namespace foldconv::probes {
namespace {

enum class Verdict { accepted, refused, open };

constexpr cuuint64_t kTwoTo32 = cuuint64_t{1} << 32, kTwoTo40 = cuuint64_t{1} << 40;
constexpr std::size_t kEntries = 8;  // more than any rank, the refused ones included

// What both encoders take: at first, f16 of 64 channels, 8 x 8 x 4 beyond them, with room after each row.
struct Encode {
  std::size_t map_offset = 0;  // of the map's address, after a multiple of 64
  std::uintptr_t address_offset = 0;
  CUtensorMapDataType type = CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  cuuint32_t rank = 4;
  cuuint64_t dims[kEntries] = {64, 8, 8, 4, 2, 1, 1, 1};
  cuuint64_t strides[kEntries] = {128, 2048, 32768, 131072, 262144, 262144, 262144, 262144};
  cuuint32_t element_strides[kEntries] = {1, 1, 1, 1, 1, 1, 1, 1};
  CUtensorMapInterleave interleave = CU_TENSOR_MAP_INTERLEAVE_NONE;
  CUtensorMapSwizzle swizzle = CU_TENSOR_MAP_SWIZZLE_NONE;
  CUtensorMapL2promotion promotion = CU_TENSOR_MAP_L2_PROMOTION_NONE;
  CUtensorMapFloatOOBfill fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE;
  cuuint32_t box[kEntries] = {64, 4, 4, 2, 1, 1, 1, 1};  // tiled
  int lower[kEntries] = {}, upper[kEntries] = {};        // im2col
  cuuint32_t channels = 64, pixels = 32;
};

CUresult encode(const Encode& e, bool im2col) {
  const DeviceArray<std::uint8_t> tensor(131072 + 64);
  alignas(128) static unsigned char place[2 * sizeof(CUtensorMap)];
  auto* const map = reinterpret_cast<CUtensorMap*>(place + e.map_offset);
  void* const address = tensor.get() + e.address_offset;
  if (im2col) {
    return im2col_encoder()(map, e.type, e.rank, address, e.dims, e.strides, e.lower, e.upper,
                            e.channels, e.pixels, e.element_strides, e.interleave, e.swizzle,
                            e.promotion, e.fill);
  }
  return tiled_encoder()(map, e.type, e.rank, address, e.dims, e.strides, e.box, e.element_strides,
                         e.interleave, e.swizzle, e.promotion, e.fill);
}

struct Case {
  std::string what;
  Verdict verdict;
  std::function<void(Encode&)> change;
};

Result run_cases(const std::vector<Case>& cases, bool im2col) {
  Result result;
  result.mismatches = 0;
  for (const Case& one : cases) {
    Encode call;
    one.change(call);
    const CUresult code = encode(call, im2col);
    result.words.push_back(static_cast<std::uint32_t>(code));
    const bool as_expected =
        one.verdict == Verdict::open ||
        code == (one.verdict == Verdict::accepted ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
    if (!as_expected) ++*result.mismatches;
    result.notes.push_back(
        one.what + ": " +
        (code == CUDA_SUCCESS ? "accepted" : "refused (" + std::to_string(code) + ")") +
        (one.verdict == Verdict::open ? ", open in cuda.h"
         : as_expected                ? ""
                                      : ", not as in cuda.h"));
  }
  return result;
}

struct Limit {
  std::string name;
  std::vector<Case> cases;
};

// An enumerator that cuda.h does not have.
template <class Enum>
Enum unknown(int value) {
  return static_cast<Enum>(value);
}

void set_rank(Encode& e, cuuint32_t rank) {
  e.rank = rank;
}

// Of both encoders.
std::vector<Limit> common_limits() {
  using E = Encode;
  constexpr Verdict yes = Verdict::accepted, no = Verdict::refused;
  const auto interleave_32 = [](E& e) {
    e.interleave = CU_TENSOR_MAP_INTERLEAVE_32B;
    e.swizzle = CU_TENSOR_MAP_SWIZZLE_32B;
    e.box[0] = e.channels = 16;
  };
  std::vector<Limit> limits = {
      {"plain", {{"as it stands", yes, [](E&) {}}}},
      {"map_address",
       {{"map at 64", yes, [](E& e) { e.map_offset = 64; }},
        {"map at 32", no, [](E& e) { e.map_offset = 32; }},
        {"map at 16", no, [](E& e) { e.map_offset = 16; }}}},
      {"address",
       {{"address at 16", yes, [](E& e) { e.address_offset = 16; }},
        {"address at 8", no, [](E& e) { e.address_offset = 8; }},
        {"interleaved by 32, address at 32", yes,
         [=](E& e) { interleave_32(e), e.address_offset = 32; }},
        {"interleaved by 32, address at 16", no,
         [=](E& e) { interleave_32(e), e.address_offset = 16; }}}},
      {"dims",
       {{"dim 3 of 1", yes, [](E& e) { e.dims[3] = 1; }},
        {"dim 3 of 0", no, [](E& e) { e.dims[3] = 0; }},
        {"dim 0 of 0", no, [](E& e) { e.dims[0] = 0; }},
        {"dim 3 of 2^32", yes, [](E& e) { e.dims[3] = kTwoTo32; }},
        {"dim 3 of 2^32 + 1", no, [](E& e) { e.dims[3] = kTwoTo32 + 1; }}}},
      {"strides",
       {{"stride of 144", yes, [](E& e) { e.strides[0] = 144; }},
        {"stride of 136", no, [](E& e) { e.strides[0] = 136; }},
        {"last stride of 2^40 - 16", yes, [](E& e) { e.strides[2] = kTwoTo40 - 16; }},
        {"last stride of 2^40", no, [](E& e) { e.strides[2] = kTwoTo40; }},
        {"interleaved by 32, stride of 160", yes,
         [=](E& e) { interleave_32(e), e.strides[0] = 160; }},
        {"interleaved by 32, stride of 144", no,
         [=](E& e) { interleave_32(e), e.strides[0] = 144; }},
        {"stride below a row", Verdict::open, [](E& e) { e.strides[0] = 64; }},
        {"stride of 0", Verdict::open, [](E& e) { e.strides[0] = 0; }}}},
      {"element_strides",
       {{"element stride of 8", yes, [](E& e) { e.element_strides[1] = 8; }},
        {"element stride of 9", no, [](E& e) { e.element_strides[1] = 9; }},
        {"element stride of 0", no, [](E& e) { e.element_strides[1] = 0; }},
        {"first element stride of 2, ignored", yes, [](E& e) { e.element_strides[0] = 2; }},
        {"first element stride of 9", Verdict::open, [](E& e) { e.element_strides[0] = 9; }}}},
      {"interleave",
       {{"by 16", yes,
         [](E& e) { e.interleave = CU_TENSOR_MAP_INTERLEAVE_16B, e.box[0] = e.channels = 8; }},
        {"by 32, swizzle 32", yes, interleave_32},
        {"by 32, no swizzle", no,
         [=](E& e) { interleave_32(e), e.swizzle = CU_TENSOR_MAP_SWIZZLE_NONE; }},
        {"by 32, swizzle 64", no,
         [=](E& e) { interleave_32(e), e.swizzle = CU_TENSOR_MAP_SWIZZLE_64B; }},
        {"enumerator 3", no, [](E& e) { e.interleave = unknown<CUtensorMapInterleave>(3); }}}},
      {"enumerators",
       {{"type 99", no, [](E& e) { e.type = unknown<CUtensorMapDataType>(99); }},
        {"swizzle 99", no, [](E& e) { e.swizzle = unknown<CUtensorMapSwizzle>(99); }},
        {"L2 promotion of 256", yes,
         [](E& e) { e.promotion = CU_TENSOR_MAP_L2_PROMOTION_L2_256B; }},
        {"L2 promotion 4", no, [](E& e) { e.promotion = unknown<CUtensorMapL2promotion>(4); }},
        {"fill 2", no, [](E& e) { e.fill = unknown<CUtensorMapFloatOOBfill>(2); }}}},
  };
  Limit fills{"fill", {}};
  const std::pair<const char*, CUtensorMapDataType> types[] = {
      {"f16", CU_TENSOR_MAP_DATA_TYPE_FLOAT16},   {"bf16", CU_TENSOR_MAP_DATA_TYPE_BFLOAT16},
      {"f32", CU_TENSOR_MAP_DATA_TYPE_FLOAT32},   {"f64", CU_TENSOR_MAP_DATA_TYPE_FLOAT64},
      {"tf32", CU_TENSOR_MAP_DATA_TYPE_TFLOAT32}, {"u8", CU_TENSOR_MAP_DATA_TYPE_UINT8},
      {"u16", CU_TENSOR_MAP_DATA_TYPE_UINT16},    {"s32", CU_TENSOR_MAP_DATA_TYPE_INT32}};
  for (const auto& [name, type] : types) {
    const bool floating = std::string(name).find('f') != std::string::npos;
    // Rows of 64 elements of up to 8 bytes.
    const auto set = [type = type](E& e) {
      e.type = type;
      for (std::size_t i = 0; i < 4; ++i) e.strides[i] *= 4;
    };
    fills.cases.push_back({std::string("zeros, ") + name, yes, set});
    fills.cases.push_back({std::string("NaNs, ") + name, floating ? yes : no, [set](E& e) {
                             set(e);
                             e.fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA;
                           }});
  }
  limits.push_back(std::move(fills));
  return limits;
}

// Rows of a box, or a pixel's channels, as wide as a swizzle's pattern, and 16 bytes wider.
Limit swizzle_limit() {
  Limit limit{"swizzle", {}};
  const std::pair<CUtensorMapSwizzle, cuuint32_t> forms[] = {{CU_TENSOR_MAP_SWIZZLE_32B, 32},
                                                             {CU_TENSOR_MAP_SWIZZLE_64B, 64},
                                                             {CU_TENSOR_MAP_SWIZZLE_128B, 128}};
  for (const auto& [mode, span] : forms) {
    for (const cuuint32_t bytes : {span - 16, span, span + 16}) {
      limit.cases.push_back(
          {"swizzle " + std::to_string(span) + ", " + std::to_string(bytes) + " bytes",
           bytes <= span ? Verdict::accepted : Verdict::refused, [mode = mode, bytes](Encode& e) {
             e.swizzle = mode;
             e.box[0] = e.channels = bytes / 2;
           }});
    }
  }
  return limit;
}

std::vector<Limit> tiled_limits() {
  using E = Encode;
  constexpr Verdict yes = Verdict::accepted, no = Verdict::refused;
  return {
      swizzle_limit(),
      {"rank",
       {{"rank 0", no, [](E& e) { set_rank(e, 0); }},
        {"rank 1", yes, [](E& e) { set_rank(e, 1); }},
        {"rank 5", yes, [](E& e) { set_rank(e, 5); }},
        {"rank 6", no, [](E& e) { set_rank(e, 6); }},
        {"interleaved by 16, rank 3", yes,
         [](E& e) {
           set_rank(e, 3);
           e.interleave = CU_TENSOR_MAP_INTERLEAVE_16B;
           e.box[0] = 8;
         }},
        {"interleaved by 16, rank 2", no,
         [](E& e) {
           set_rank(e, 2);
           e.interleave = CU_TENSOR_MAP_INTERLEAVE_16B;
           e.box[0] = 8;
         }}}},
      {"box",
       {{"256 elements", yes, [](E& e) { e.box[0] = 256; }},
        {"256 rows", yes, [](E& e) { e.box[1] = 256, e.box[2] = e.box[3] = 1; }},
        {"257 rows", no, [](E& e) { e.box[1] = 257, e.box[2] = e.box[3] = 1; }},
        {"no rows", no, [](E& e) { e.box[1] = 0; }},
        {"264 elements", no, [](E& e) { e.box[0] = 264; }},
        {"16 bytes", yes, [](E& e) { e.box[0] = 8; }},
        {"8 bytes", no, [](E& e) { e.box[0] = 4; }},
        {"24 bytes", no, [](E& e) { e.box[0] = 12; }},
        // Whether a box must fit shared memory.
        {"256 x 256 x 256", Verdict::open, [](E& e) { e.box[0] = e.box[1] = e.box[2] = 256; }}}}};
}

// Corners of each dimension in turn, lower and upper, at the limits of their rank.
std::vector<Case> corner_cases() {
  std::vector<Case> cases;
  const struct {
    cuuint32_t rank;
    int least, most;
  } ranges[] = {{3, -32768, 32767}, {4, -128, 127}, {5, -16, 15}};
  for (const auto& range : ranges) {
    for (cuuint32_t dimension = 0; dimension < range.rank - 2; ++dimension) {
      for (const bool upper : {false, true}) {
        for (const int value : {range.least - 1, range.least, range.most, range.most + 1}) {
          const bool inside = value >= range.least && value <= range.most;
          cases.push_back({"rank " + std::to_string(range.rank) +
                               (upper ? ", upper " : ", lower ") + std::to_string(dimension) +
                               " of " + std::to_string(value),
                           inside ? Verdict::accepted : Verdict::refused, [=](Encode& e) {
                             set_rank(e, range.rank);
                             // So large that the box has pixels.
                             const cuuint64_t size = range.rank == 3 ? 65536 : 512;
                             for (std::size_t i = 1; i < 4; ++i) {
                               e.dims[i] = size;
                               e.strides[i] = e.strides[i - 1] * size;
                             }
                             (upper ? e.upper : e.lower)[dimension] = value;
                           }});
        }
      }
    }
  }
  return cases;
}

std::vector<Limit> im2col_limits() {
  using E = Encode;
  constexpr Verdict yes = Verdict::accepted, no = Verdict::refused;
  return {swizzle_limit(),
          {"rank",
           {{"rank 2", no, [](E& e) { set_rank(e, 2); }},
            {"rank 3", yes, [](E& e) { set_rank(e, 3); }},
            {"rank 5", yes, [](E& e) { set_rank(e, 5); }},
            {"rank 6", no, [](E& e) { set_rank(e, 6); }}}},
          {"corners", corner_cases()},
          {"box",
           {{"one pixel wide", yes, [](E& e) { e.lower[0] = 7; }},
            {"no pixel wide", no, [](E& e) { e.lower[0] = 8; }},
            {"one pixel high", yes, [](E& e) { e.lower[1] = 3, e.upper[1] = -4; }},
            {"no pixel high", no, [](E& e) { e.lower[1] = 4, e.upper[1] = -4; }},
            {"less than none", no, [](E& e) { e.lower[1] = 5, e.upper[1] = -5; }}}},
          {"channels",
           {{"256 channels", yes, [](E& e) { e.channels = 256; }},
            {"257 channels", no, [](E& e) { e.channels = 257; }},
            {"264 channels", no, [](E& e) { e.channels = 264; }},
            {"8 channels", yes, [](E& e) { e.channels = 8; }},
            {"4 channels, 8 bytes", Verdict::open, [](E& e) { e.channels = 4; }},
            {"12 channels, 24 bytes", Verdict::open, [](E& e) { e.channels = 12; }},
            {"no channels", Verdict::open, [](E& e) { e.channels = 0; }}}},
          {"pixels",
           {{"1024 pixels", yes, [](E& e) { e.pixels = 1024; }},
            {"1025 pixels", no, [](E& e) { e.pixels = 1025; }},
            {"one pixel", yes, [](E& e) { e.pixels = 1; }},
            {"no pixels", Verdict::open, [](E& e) { e.pixels = 0; }}}}};
}

}  // namespace

void add_encode_probes(std::vector<Probe>& probes) {
  const auto add = [&](const std::vector<Limit>& limits, bool im2col) {
    for (const Limit& limit : limits) {
      probes.push_back({"tensor_map",
                        std::string("tensor_map_") + (im2col ? "im2col_" : "tiled_") + limit.name,
                        Kind::exact, Needs::sm90,
                        [cases = limit.cases, im2col] { return run_cases(cases, im2col); }});
    }
  };
  add(common_limits(), false);
  add(tiled_limits(), false);
  add(common_limits(), true);
  add(im2col_limits(), true);
}

}  // namespace foldconv::probes
