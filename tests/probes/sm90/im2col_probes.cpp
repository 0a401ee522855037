// SPDX-License-Identifier: MIT
// im2col loads: the rows of a convolution's matrix, straight from the tensor.
//
// A convolution with padding, stride and dilation has lower = -padding and upper = padding - (taps
// - 1) * dilation in each dimension; the pixels of a box begin at `corner` and the tap's offset
// (tap * dilation) is added to each.
#include "sm90/probes.hpp"
#include "sm90/tma_load.hpp"

namespace foldconv::probes {
namespace {

// N H W C of 2 x 7 x 9 x 32 elements of 16 bits.
TmaLoad base() {
  TmaLoad load;
  load.im2col = true;
  load.spec.rank = 4;
  load.spec.dims = {32, 9, 7, 2, 1};
  load.spec.channels = 32;
  load.spec.pixels = 24;
  return load;
}

// 3x3 with padding 1, from the first pixel on.
TmaLoad padded() {
  TmaLoad load = base();
  load.spec.lower = {-1, -1, 0};
  load.spec.upper = {-1, -1, 0};
  load.corner = {0, -1, -1, 0, 0};
  return load;
}

class Im2colAdder {
 public:
  explicit Im2colAdder(std::vector<Probe>& probes) : probes_(probes) {}
  void operator()(const std::string& name, const TmaLoad& load, const char* forbidden = "") {
    probes_.push_back({"tma_im2col", "tma_im2col_" + name, Kind::exact, Needs::sm90,
                       [load] { return run_tma_load(load); }, forbidden});
  }

 private:
  std::vector<Probe>& probes_;
};

void add_taps(Im2colAdder& add) {
  add("1x1", base());
  for (const int h : {0, 1, 2}) {
    for (const int w : {0, 1, 2}) {
      TmaLoad load = padded();
      load.offsets = {static_cast<std::uint16_t>(w), static_cast<std::uint16_t>(h), 0};
      add("3x3_tap_h" + std::to_string(h) + "_w" + std::to_string(w), load);
    }
  }
}

void add_starts(Im2colAdder& add) {
  const std::pair<const char*, Dims> corners[] = {
      {"middle_of_row", {0, 3, 2, 0, 0}},  {"last_pixel", {0, 7, 5, 0, 0}},
      {"crosses_images", {0, 4, 4, 0, 0}}, {"past_the_last_image", {0, 2, 4, 1, 0}},
      {"image_outside", {0, 0, 0, 2, 0}},  {"channels", {16, -1, -1, 0, 0}}};
  for (const auto& [name, corner] : corners) {
    TmaLoad load = padded();
    load.corner = corner;
    load.offsets = {1, 1, 0};
    add(std::string("start_") + name, load);
  }
  TmaLoad load = padded();
  load.corner = {0, -2, -1, 0, 0};
  load.offsets = {1, 1, 0};
  add("start_before_the_box", load, "im2col-start");
}

void add_convolutions(Im2colAdder& add) {
  {
    TmaLoad load = padded();
    load.spec.strides = {1, 2, 2, 1, 1};
    load.offsets = {2, 1, 0};
    add("stride_2", load);
    load.corner = {0, 1, 1, 0, 0};
    add("stride_2_later", load);
    load.spec.strides = {1, 3, 2, 1, 1};
    load.corner = {0, -1, -1, 0, 0};
    add("stride_3_2", load);
  }
  {
    TmaLoad load = base();  // 3x3, dilation 2, padding 2
    load.spec.lower = {-2, -2, 0};
    load.spec.upper = {-2, -2, 0};
    load.corner = {0, -2, -2, 0, 0};
    load.offsets = {4, 2, 0};
    add("dilation_2", load);
  }
  {
    TmaLoad load = base();  // 5x3 taps, asymmetric padding
    load.spec.lower = {-3, 0, 0};
    load.spec.upper = {-3, -2, 0};
    load.corner = {0, -3, 0, 0, 0};
    load.offsets = {0, 2, 0};
    add("asymmetric", load);
  }
  {
    TmaLoad load = base();  // negative padding: a crop
    load.spec.lower = {2, 1, 0};
    load.spec.upper = {-2, -3, 0};
    load.corner = {0, 2, 1, 0, 0};
    add("crop", load);
  }
  {
    TmaLoad load = base();  // fewer channels than the tensor has, and more
    load.spec.channels = 16;
    load.corner = {8, 0, 0, 0, 0};
    add("some_channels", load);
    load.corner = {24, 0, 0, 0, 0};
    add("channels_past_the_end", load);
  }
}

void add_swizzles(Im2colAdder& add) {
  const struct {
    const char* name;
    CUtensorMapSwizzle mode;
    int bytes;
  } forms[] = {{"32", CU_TENSOR_MAP_SWIZZLE_32B, 32},
               {"64", CU_TENSOR_MAP_SWIZZLE_64B, 64},
               {"128", CU_TENSOR_MAP_SWIZZLE_128B, 128}};
  for (const auto& form : forms) {
    TmaLoad load = padded();
    load.spec.dims[0] = 64;
    load.spec.swizzle = form.mode;
    load.spec.channels = form.bytes / 2;
    load.offsets = {0, 1, 0};
    add(std::string("swizzle_") + form.name, load);
  }
  TmaLoad load = padded();
  load.spec.type = CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  load.spec.fill = CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA;
  load.expectation = false;
  add("fill_nan_f16", load);
}

void add_ranks(Im2colAdder& add) {
  {
    TmaLoad load;  // N W C
    load.im2col = true;
    load.spec.rank = 3;
    load.spec.dims = {16, 11, 3, 1, 1};
    load.spec.channels = 16;
    load.spec.pixels = 20;
    load.spec.lower = {-1, 0, 0};
    load.spec.upper = {-1, 0, 0};
    load.corner = {0, -1, 0, 0, 0};
    load.offsets = {2, 0, 0};
    add("3d", load);
  }
  {
    TmaLoad load;  // N D H W C
    load.im2col = true;
    load.spec.rank = 5;
    load.spec.dims = {16, 4, 3, 3, 2};
    load.spec.channels = 16;
    load.spec.pixels = 40;
    load.spec.lower = {-1, -1, -1};
    load.spec.upper = {-1, -1, -1};
    load.corner = {0, -1, -1, -1, 0};
    load.offsets = {1, 0, 2};
    add("5d", load);
  }
  {
    TmaLoad load = padded();  // one byte an element; four
    load.spec.type = CU_TENSOR_MAP_DATA_TYPE_UINT8;
    load.spec.element_bytes = 1;
    add("u8", load);
    load.spec.type = CU_TENSOR_MAP_DATA_TYPE_UINT32;
    load.spec.element_bytes = 4;
    add("u32", load);
  }
}

}  // namespace

void add_im2col_probes(std::vector<Probe>& probes) {
  Im2colAdder add(probes);
  add_taps(add);
  add_starts(add);
  add_convolutions(add);
  add_swizzles(add);
  add_ranks(add);
}

}  // namespace foldconv::probes
