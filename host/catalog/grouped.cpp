// SPDX-License-Identifier: MIT
#include "catalog/grouped.hpp"

#include <algorithm>
#include <utility>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "catalog/supports.hpp"

namespace foldconv::host {
namespace {

constexpr int kQuad = 4;  // channels of a group, of x and of y

// Groups of a CTA: as many as have the most channels of x and y, and as a warp takes at a time; whole 16 bytes of both.
int groups_of_block(const GroupedTile& tile, const ConvProblem& problem) {
  const int unit = tile.groups == 2 || k_per_group(problem) % 8 != 0 ? 2 : 1;
  const int widest = std::max(c_per_group(problem), k_per_group(problem));
  const std::int64_t most = std::min<std::int64_t>(ceil_div(problem.groups, unit),
                                                   GroupedTile::kMostChannels / (unit * widest));
  return static_cast<int>(std::max<std::int64_t>(most, 1)) * unit;
}

std::int64_t blocks(const GroupedTile& tile, const ConvProblem& problem) {
  return ceil_div(problem.groups, groups_of_block(tile, problem));
}

std::int64_t tile_columns(const ConvProblem& problem) {
  return ceil_div(problem.q(), GroupedTile::kSide);
}
std::int64_t tiles_per_image(const ConvProblem& problem) {
  return ceil_div(problem.p(), GroupedTile::kSide) * tile_columns(problem);
}

// Pixels of x on one axis that a tile's windows reach.
std::int64_t reach_of_tile(int stride, int taps, int dilation) {
  return (GroupedTile::kSide - std::int64_t{1}) * stride + (std::int64_t{taps} - 1) * dilation + 1;
}

int steps_of_k(const ConvProblem& problem) {
  return static_cast<int>(ceil_div(std::int64_t{problem.r} * problem.s * c_per_group(problem), 16));
}

// Bytes of shared memory: in 64 bits, for what does not fit.
struct GroupedSharedMemory {
  std::int64_t weights_pitch, table, pixels, output;
  std::int64_t pixel_pitch, plane_pitch, row_pitch, buffer_bytes;
  std::int64_t zeros, output_pitch, bytes;
  int buffers;

  GroupedSharedMemory(const GroupedTile& tile, const ConvProblem& problem) {
    const int groups = groups_of_block(tile, problem);
    const auto odd_pitch = [](std::int64_t chunks) { return (chunks | 1) * 16; };
    weights_pitch = odd_pitch(steps_of_k(problem) * 2);
    table = weights_pitch * groups * k_per_group(problem);
    pixels = table + ceil_div(std::int64_t{steps_of_k(problem)} * tile.entries_a_step(), 4) * 16;
    zeros = std::int64_t{groups} * c_per_group(problem) * 2;
    pixel_pitch = odd_pitch(zeros / 16 + 1);
    const std::int64_t columns = reach_of_tile(problem.stride.w, problem.s, problem.dilation.w);
    plane_pitch = pixel_pitch * ceil_div(columns, problem.stride.w);
    row_pitch = plane_pitch * std::min<std::int64_t>(problem.stride.w, columns);
    buffer_bytes = row_pitch * reach_of_tile(problem.stride.h, problem.r, problem.dilation.h);
    output_pitch = odd_pitch(std::int64_t{groups} * k_per_group(problem) / 8);
    const auto bytes_with = [&](int count) {
      return pixels + buffer_bytes * count + output_pitch * GroupedTile::kPixels;
    };
    // The next tile's pixels arrive beside the products, unless that leaves an SM with too few CTAs.
    constexpr std::int64_t kMostBytes = 80 << 10;
    buffers = bytes_with(2) <= kMostBytes ? 2 : 1;
    bytes = bytes_with(buffers);
    output = bytes - output_pitch * GroupedTile::kPixels;
  }
};

bool moves_whole_pieces(const ConvProblem& problem) {
  return problem.k % 8 == 0 && y_pitch(problem) % 8 == 0 && residual_pitch(problem) % 8 == 0;
}

}  // namespace

std::string grouped_form_rule(const GroupedTile& tile, const ConvProblem& problem) {
  if (problem.groups == 1) return "is for several groups: groups = 1; nearest: groups = 2";
  const int c = c_per_group(problem), k = k_per_group(problem);
  if (c >= kSliceWidth) {
    return text("is for fewer than ", kSliceWidth, " channels: c / groups = ", c,
                "; nearest: c / groups = ", kSliceWidth - tile.granule);
  }
  const auto nearest_c = [most = kSliceWidth - tile.granule](int above) {
    return above <= most ? text("nearest above: c / groups = ", above)
                         : text("nearest: c / groups = ", most);
  };
  if (tile.granule == 8 && c % 8 != 0) {
    return text("reads 16 bytes at a time: c / groups = ", c, " is no multiple of 8; ",
                nearest_c((c + 7) / 8 * 8));
  }
  if (tile.granule == kQuad && c % 8 != kQuad) {
    return text("is for c / groups that are a multiple of 4, not of 8: c / groups = ", c, "; ",
                nearest_c((c + 3) / 8 * 8 + kQuad));
  }
  if (k > GroupedTile::kMostChannels) {
    return text("is for at most ", GroupedTile::kMostChannels, " output channels: k / groups = ", k,
                "; nearest: k / groups = ", GroupedTile::kMostChannels);
  }
  if (k % kQuad != 0) {
    return text("stores 8 bytes at a time: k / groups = ", k,
                " is no multiple of 4; nearest above: k / groups = ", ceil_div(k, kQuad) * kQuad);
  }
  if (problem.c % 8 != 0) {
    return text("copies 16 bytes at a time: c = ", problem.c,
                " is no multiple of 8; nearest above: groups = ", problem.groups + 1);
  }
  if (x_pitch(problem) % 8 != 0) {
    return text("copies 16 bytes at a time: x's pitch = ", x_pitch(problem),
                " is no multiple of 8; nearest above: ", ceil_div(x_pitch(problem), 8) * 8);
  }
  return {};
}

std::string grouped_shared_memory_rule(const GroupedTile& tile, const ConvProblem& problem,
                                       const DeviceFigures& device) {
  const std::int64_t needed = GroupedSharedMemory(tile, problem).bytes;
  if (std::cmp_less_equal(needed, device.shared_bytes)) return {};
  return text("needs ", needed,
              " bytes of shared memory for weights and the pixels that the windows of ",
              GroupedTile::kSide, "x", GroupedTile::kSide, " output pixels reach, the device has ",
              device.shared_bytes, "; a smaller filter, stride or dilation needs less");
}

std::string grouped_size_rule(const ConvProblem& problem) {
  // Windows reach behind the image, and the grid's steps behind the last tile.
  const std::int64_t most_pixels = kIndexLimit / 4, most_tiles = kIndexLimit / 2;
  const auto too_long = [most_pixels](const char* name, int value) {
    return text("counts rows and columns by 32 bits: ", name, " = ", value, ", more than ",
                most_pixels, "; nearest: ", name, " = ", most_pixels);
  };
  if (problem.h > most_pixels) return too_long("h", problem.h);
  if (problem.w > most_pixels) return too_long("w", problem.w);
  if (problem.p() > most_pixels) return too_long("p", problem.p());
  if (problem.q() > most_pixels) return too_long("q", problem.q());
  const std::int64_t of_an_image = tiles_per_image(problem);
  if (const std::int64_t tiles = problem.n * of_an_image; tiles > most_tiles) {
    return text("counts tiles by 32 bits: ", tiles, " of ", GroupedTile::kSide, "x",
                GroupedTile::kSide, " pixels, more than ", most_tiles, "; ",
                most_tiles >= of_an_image ? text("nearest: n = ", most_tiles / of_an_image)
                                          : std::string("no n is small enough"));
  }
  const std::int64_t row = weight_layout(problem).row();
  if (const std::int64_t w = row * problem.k; w >= kIndexLimit) {
    return text("indexes with 32 bits: elements of the packed weights = ", w,
                ", 2^31 or more; nearest: k = ", (kIndexLimit - 1) / row);
  }
  return {};
}

LaunchShape grouped_launch_shape(const GroupedTile& tile, const ConvProblem& problem,
                                 const DeviceFigures& device) {
  // As many CTAs as the device runs at a time, by their shared memory: each loads its weights once.
  constexpr std::int64_t kMostOnAnSm = 4;
  const std::int64_t bytes = GroupedSharedMemory(tile, problem).bytes;
  const std::int64_t on_an_sm = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(device.shared_bytes) / bytes, 1, kMostOnAnSm);
  const std::int64_t tiles = problem.n * tiles_per_image(problem);
  const std::int64_t at_a_time =
      std::clamp<std::int64_t>(device.multiprocessors * on_an_sm / blocks(tile, problem), 1, tiles);
  const std::int64_t in_turn = ceil_div(tiles, at_a_time);
  return {static_cast<std::uint32_t>(ceil_div(tiles, in_turn) * blocks(tile, problem)),
          static_cast<std::uint32_t>(tile.threads()), static_cast<std::size_t>(bytes)};
}

GroupedParams grouped_params(const GroupedTile& tile, const ConvProblem& problem) {
  const GroupedSharedMemory memory(tile, problem);
  const WeightLayout layout = weight_layout(problem);
  const auto narrow = [](std::int64_t bytes) { return static_cast<int>(bytes); };
  GroupedParams params = {};
  params.g = geometry(problem);
  params.activation = activation_params(problem.activation);
  params.shared = {
      .weights_pitch = narrow(memory.weights_pitch),
      .table = narrow(memory.table),
      .pixels = narrow(memory.pixels),
      .output = narrow(memory.output),
      .pixel_pitch = narrow(memory.pixel_pitch),
      .pixel_places = narrow(memory.buffer_bytes * memory.buffers / memory.pixel_pitch),
      .plane_pitch = narrow(memory.plane_pitch),
      .row_pitch = narrow(memory.row_pitch),
      .buffer_bytes = narrow(memory.buffer_bytes),
      .zeros = narrow(memory.zeros),
      .output_pitch = narrow(memory.output_pitch),
      .bytes = narrow(memory.bytes)};
  params.tiles = narrow(problem.n * tiles_per_image(problem));
  params.buffers = memory.buffers;
  params.groups_of_block = groups_of_block(tile, problem);
  const std::int64_t parts = ceil_div(k_per_group(problem), tile.fragments_n * 8);
  params.units = narrow(params.groups_of_block / tile.groups * parts);
  params.row_elements = layout.row();
  params.steps = steps_of_k(problem);
  params.rows = narrow(reach_of_tile(problem.stride.h, problem.r, problem.dilation.h));
  params.columns = narrow(reach_of_tile(problem.stride.w, problem.s, problem.dilation.w));
  params.vector_output = moves_whole_pieces(problem) ? 1 : 0;
  params.zero_steps = params.steps * 16 < layout.row() ? 0.0F : -0.0F;
  params.blocks = division_by(blocks(tile, problem));
  params.tiles_per_image = division_by(tiles_per_image(problem));
  params.tile_columns = division_by(tile_columns(problem));
  params.units_per_group = division_by(parts);
  params.x_chunks = division_by(memory.zeros / 16);
  params.x_columns = division_by(params.columns);
  params.entries_a_tap = division_by(c_per_group(problem) / tile.granule);
  params.kernel_w = division_by(problem.s);
  params.stride_w = division_by(problem.stride.w);
  params.weight_lanes = division_by(ceil_div(params.steps * 2, 8) * 8);
  const int channels = params.groups_of_block * k_per_group(problem);
  params.y_pieces = division_by(moves_whole_pieces(problem) ? channels / 8 : channels);
  return params;
}

}  // namespace foldconv::host
