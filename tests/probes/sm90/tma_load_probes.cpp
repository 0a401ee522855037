// SPDX-License-Identifier: MIT
// Tiled tensor loads: ranks, types, swizzles, borders, strides, fills.
#include "sm90/probes.hpp"
#include "sm90/tma_load.hpp"

namespace foldconv::probes {
namespace {

struct Type {
  const char* name;
  CUtensorMapDataType type;
  int bytes;
};
constexpr Type kU8{"u8", CU_TENSOR_MAP_DATA_TYPE_UINT8, 1};
constexpr Type kU16{"u16", CU_TENSOR_MAP_DATA_TYPE_UINT16, 2};
constexpr Type kU32{"u32", CU_TENSOR_MAP_DATA_TYPE_UINT32, 4};
constexpr Type kHalf{"f16", CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2};
constexpr Type kBrain{"bf16", CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2};
constexpr Type kFloat{"f32", CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 4};
constexpr Type kFloatFtz{"f32_ftz", CU_TENSOR_MAP_DATA_TYPE_FLOAT32_FTZ, 4};
constexpr Type kTfloat{"tf32", CU_TENSOR_MAP_DATA_TYPE_TFLOAT32, 4};
constexpr Type kTfloatFtz{"tf32_ftz", CU_TENSOR_MAP_DATA_TYPE_TFLOAT32_FTZ, 4};

TmaLoad make_load(const Type& type, int rank, const Dims& dims, const Dims& box,
                  const Dims& corner) {
  TmaLoad load;
  load.spec.type = type.type;
  load.spec.element_bytes = type.bytes;
  load.spec.rank = rank;
  load.spec.dims = dims;
  load.spec.box = box;
  load.corner = corner;
  return load;
}

class TileAdder {
 public:
  explicit TileAdder(std::vector<Probe>& probes) : probes_(probes) {}
  void operator()(const std::string& name, const TmaLoad& load) {
    probes_.push_back({"tma_tile", "tma_tile_" + name, Kind::exact, Needs::sm90,
                       [load] { return run_tma_load(load); }});
  }

 private:
  std::vector<Probe>& probes_;
};

void add_ranks(TileAdder& add) {
  for (const Type& type : {kU8, kU16, kU32}) {
    const std::string name = std::string("_") + type.name;
    const int inner = 16 / type.bytes;
    add("1d" + name,
        make_load(type, 1, {4 * inner, 1, 1, 1, 1}, {2 * inner, 1, 1, 1, 1}, {3, 0, 0, 0, 0}));
    add("2d" + name,
        make_load(type, 2, {3 * inner, 7, 1, 1, 1}, {inner, 4, 1, 1, 1}, {2, 1, 0, 0, 0}));
    add("3d" + name,
        make_load(type, 3, {2 * inner, 5, 4, 1, 1}, {inner, 3, 2, 1, 1}, {1, 2, 1, 0, 0}));
    add("4d" + name,
        make_load(type, 4, {2 * inner, 4, 4, 3, 1}, {inner, 2, 3, 2, 1}, {1, 1, 1, 1, 0}));
    add("5d" + name, make_load(type, 5, {inner, 4, 3, 3, 3}, {inner, 2, 2, 2, 2}, {0, 1, 1, 1, 1}));
  }
}

struct Swizzle {
  const char* name;
  CUtensorMapSwizzle mode;
  int bytes;
};
constexpr Swizzle kTileSwizzles[] = {{"none", CU_TENSOR_MAP_SWIZZLE_NONE, 64},
                                     {"32", CU_TENSOR_MAP_SWIZZLE_32B, 32},
                                     {"64", CU_TENSOR_MAP_SWIZZLE_64B, 64},
                                     {"128", CU_TENSOR_MAP_SWIZZLE_128B, 128}};

void add_swizzles(TileAdder& add) {
  for (const Swizzle& swizzle : kTileSwizzles) {
    for (const Type& type : {kU8, kU16, kU32}) {
      const int width = swizzle.bytes / type.bytes;
      TmaLoad load =
          make_load(type, 2, {width + 16, 40, 1, 1, 1}, {width, 16, 1, 1, 1}, {0, 3, 0, 0, 0});
      load.spec.swizzle = swizzle.mode;
      const std::string name = std::string("swizzle_") + swizzle.name;
      add(name + "_" + type.name, load);
      if (type.bytes != 2) continue;
      // Rows of less than the swizzle's width.
      TmaLoad narrow = load;
      narrow.spec.box[0] = width / 2;
      add(name + "_half_row", narrow);
      TmaLoad corner = load;
      corner.corner = {-5, -2, 0, 0, 0};
      add(name + "_negative_corner", corner);
      TmaLoad four =
          make_load(type, 4, {width, 6, 5, 3, 1}, {width, 4, 3, 2, 1}, {0, -1, -1, 1, 0});
      four.spec.swizzle = swizzle.mode;
      add(name + "_4d", four);
      // The pattern belongs to addresses, not to the box: boxes off the pattern's start.
      for (const std::uint32_t destination : {128u, 256u, 512u, 896u}) {
        TmaLoad moved = load;
        moved.destination = destination;
        add(name + "_at_" + std::to_string(destination), moved);
      }
    }
  }
}

void add_borders(TileAdder& add) {
  const Dims dims = {24, 6, 5, 1, 1}, box = {16, 4, 2, 1, 1};
  const std::pair<const char*, Dims> corners[] = {
      {"low", {-7, -1, -1, 0, 0}},        {"high", {17, 4, 4, 0, 0}},
      {"mixed", {-3, 4, -1, 0, 0}},       {"row_before", {0, -4, 0, 0, 0}},
      {"outside", {100, 100, 100, 0, 0}}, {"far_outside", {-1000000, 0, 0, 0, 0}},
      {"last", {8, 2, 3, 0, 0}}};
  for (const auto& [name, corner] : corners) {
    add(std::string("border_") + name, make_load(kU16, 3, dims, box, corner));
  }
  // A row that does not fill its pitch: what lies between rows is not the tensor.
  add("border_pitch", make_load(kU16, 2, {11, 5, 1, 1, 1}, {16, 4, 1, 1, 1}, {0, 0, 0, 0, 0}));
  for (const Type& type : {kHalf, kBrain, kFloat}) {
    TmaLoad load = make_load(type, 2, {16, 4, 1, 1, 1}, {16, 4, 1, 1, 1}, {-4, 2, 0, 0, 0});
    load.spec.fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA;
    load.expectation = false;  // which NaN
    add(std::string("fill_nan_") + type.name, load);
  }
}

void add_strides(TileAdder& add) {
  const std::pair<const char*, Dims> strides[] = {{"1_2", {1, 2, 1, 1, 1}},
                                                  {"1_3_2", {1, 3, 2, 1, 1}},
                                                  {"2_1_1", {2, 1, 1, 1, 1}},
                                                  {"1_8", {1, 8, 1, 1, 1}}};
  for (const auto& [name, steps] : strides) {
    TmaLoad load = make_load(kU16, 3, {32, 20, 6, 1, 1}, {16, 9, 4, 1, 1}, {8, 3, 1, 0, 0});
    load.spec.strides = steps;
    add(std::string("stride_") + name, load);
    load.corner = {8, -2, 4, 0, 0};
    add(std::string("stride_") + name + "_border", load);
  }
}

// Types that change bits on the way: random numbers, with some special ones in front.
void add_conversions(TileAdder& add) {
  for (const Type& type : {kFloat, kFloatFtz, kTfloat, kTfloatFtz}) {
    TmaLoad load = make_load(type, 1, {64, 1, 1, 1, 1}, {64, 1, 1, 1, 1}, {0, 0, 0, 0, 0});
    Random random(5);
    Words values = {0,          0x80000000, 1,          0x80000001, 0x007fffff, 0x00800000,
                    0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0x7fc12345, 0x3f800fff,
                    0x3f801000, 0x3f801001, 0x3f803000, 0x3f802fff, 0x7f7fffff, 0xff7ff000};
    while (values.size() < 64) values.push_back(static_cast<std::uint32_t>(random.next()));
    for (const std::uint32_t value : values) {
      for (int shift = 0; shift < 32; shift += 8) {
        load.tensor.push_back(static_cast<std::uint8_t>(value >> shift));
      }
    }
    load.expectation = type.type == kFloat.type;
    add(std::string("convert_") + type.name, load);
  }
}

// Channels in slices of 16 or 32 bytes (NC/8HWC8 and NC/16HWC16): what lands where is for the
// hardware to say.
void add_interleaved(TileAdder& add) {
  const struct {
    const char* name;
    CUtensorMapInterleave interleave;
    CUtensorMapSwizzle swizzle;
    int inner;
  } forms[] = {{"16", CU_TENSOR_MAP_INTERLEAVE_16B, CU_TENSOR_MAP_SWIZZLE_NONE, 8},
               {"32", CU_TENSOR_MAP_INTERLEAVE_32B, CU_TENSOR_MAP_SWIZZLE_32B, 16}};
  for (const auto& form : forms) {
    TmaLoad load =
        make_load(kU16, 3, {form.inner, 8, 4, 1, 1}, {form.inner, 4, 2, 1, 1}, {0, 1, 1, 0, 0});
    load.spec.interleave = form.interleave;
    load.spec.swizzle = form.swizzle;
    load.expectation = false;
    add(std::string("interleave_") + form.name, load);
    load.corner = {0, -1, 3, 0, 0};
    add(std::string("interleave_") + form.name + "_border", load);
  }
}

}  // namespace

void add_tma_load_probes(std::vector<Probe>& probes) {
  TileAdder add(probes);
  add_ranks(add);
  add_swizzles(add);
  add_borders(add);
  add_strides(add);
  add_conversions(add);
  add_interleaved(add);
}

}  // namespace foldconv::probes
