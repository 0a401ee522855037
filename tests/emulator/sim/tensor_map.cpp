// SPDX-License-Identifier: MIT
#include "tensor_map.hpp"

#include <algorithm>
#include <utility>

#include "fault.hpp"

namespace cuemu {
namespace {

using Place = std::array<int64_t, 5>;  // coordinates

// Adds pieces behind each other in shared memory, joined where they can be.
class PieceList {
 public:
  PieceList(uint32_t shared, bool stores, size_t rows) : shared_(shared), stores_(stores) {
    pieces_.reserve(rows);
  }
  void add(uint64_t global, uint32_t bytes) {
    const bool joins = !pieces_.empty() &&
                       pieces_.back().shared + pieces_.back().bytes == shared_ &&
                       (global == 0 ? pieces_.back().global == 0
                                    : pieces_.back().global != 0 &&
                                          pieces_.back().global + pieces_.back().bytes == global);
    if (joins)
      pieces_.back().bytes += bytes;
    else if (global != 0 || !stores_)
      pieces_.push_back({global, shared_, bytes});
    shared_ += bytes;
  }
  std::vector<CopyPiece> take() { return std::move(pieces_); }

 private:
  uint32_t shared_;
  bool stores_;
  std::vector<CopyPiece> pieces_;
};

// What of a row lies in dimension 0 of the tensor; the same for all rows of a copy.
struct Row {
  uint32_t before = 0, inside = 0, behind = 0;  // bytes
  int64_t first = 0;  // byte that is inside, from the start of the tensor's row

  Row(const TensorMap& map, int64_t start) {
    const int64_t size = map.element_bytes(), count = map.row_bytes() / size;
    const int64_t begin = std::clamp<int64_t>(0, start, start + count);
    const int64_t end = std::clamp<int64_t>(int64_t{map.last[0]} + 1, begin, start + count);
    before = static_cast<uint32_t>((begin - start) * size);
    inside = static_cast<uint32_t>((end - begin) * size);
    behind = static_cast<uint32_t>((start + count - end) * size);
    first = begin * size;
  }
  uint32_t bytes() const { return before + inside + behind; }

  // Of the tensor's row that begins at this address.
  void add_to(PieceList& pieces, uint64_t address) const {
    if (before != 0) pieces.add(0, before);
    if (inside != 0) pieces.add(address + static_cast<uint64_t>(first), inside);
    if (behind != 0) pieces.add(0, behind);
  }
};

bool is_inside(const TensorMap& map, unsigned dimension, int64_t coordinate) {
  return coordinate >= 0 && coordinate <= int64_t{map.last[dimension]};
}

// Where the tensor's row begins that has these coordinates; 0 where it has none.
uint64_t row_address(const TensorMap& map, const Place& at) {
  uint64_t address = map.address;
  for (unsigned i = 1; i < map.rank; ++i) {
    if (!is_inside(map, i, at[i])) return 0;
    address += static_cast<uint64_t>(at[i]) * map.strides[i - 1];
  }
  return address;
}

void add_row(PieceList& pieces, const Row& row, uint64_t address) {
  if (address == 0)
    pieces.add(0, row.bytes());
  else
    row.add_to(pieces, address);
}

std::vector<CopyPiece> tile_pieces(const TensorMap& map, const TensorAccess& access,
                                   uint32_t shared) {
  const Row row(map, access.start[0]);
  std::array<uint32_t, 5> counts{1, 1, 1, 1, 1}, index{};
  size_t rows = 1;
  for (unsigned i = 1; i < map.rank; ++i) rows *= counts[i] = map.count(i);
  PieceList pieces(shared, access.stores, rows);
  Place at{};
  for (unsigned i = 0; i < map.rank; ++i) at[i] = access.start[i];
  for (size_t n = 0; n < rows; ++n) {
    add_row(pieces, row, row_address(map, at));
    for (unsigned i = 1; i < map.rank; ++i) {
      at[i] += map.steps[i];
      if (++index[i] < counts[i]) break;
      at[i] = access.start[i];
      index[i] = 0;
    }
  }
  return pieces.take();
}

// The last coordinate of dimension i that a base may have.
int64_t last_base(const TensorMap& map, unsigned i) {
  return int64_t{map.last[i]} + map.upper[i - 1];
}

// The bases step through their box, w fastest, and on to the next image; what is read lies at the offsets from there and
// has only the tensor's own bounds (5.5.4.1, 5.5.4.2).
std::vector<CopyPiece> im2col_pieces(const TensorMap& map, const TensorAccess& access,
                                     uint32_t shared) {
  const Row row(map, access.start[0]);
  const unsigned images = map.rank - 1u;  // the dimension
  PieceList pieces(shared, access.stores, map.pixels);
  Place base{};
  for (unsigned i = 0; i < map.rank; ++i) base[i] = access.start[i];
  for (unsigned pixel = 0; pixel < map.pixels; ++pixel) {
    Place at = base;
    for (unsigned i = 1; i < images; ++i) at[i] += access.offsets[i - 1];
    add_row(pieces, row, row_address(map, at));
    unsigned i = 1;
    for (; i < images; ++i) {
      base[i] += map.steps[i];
      if (base[i] <= last_base(map, i)) break;
      base[i] = map.lower[i - 1];
    }
    if (i == images) ++base[images];
  }
  return pieces.take();
}

Objection unprobed(const std::string& text) {
  return {"unprobed", text};
}

Objection objection_to_map(const TensorMap& map) {
  if (map.address == 0) return {"out-of-bounds", "a tensor map of a tensor at address 0"};
  if (map.interleave != 0)
    return unprobed("where a tensor copy with interleaved channels puts them");
  if (map.converts) return unprobed("how a tensor copy rounds tf32 and flushes f32");
  const uint32_t span = (map.swizzle + 1u) * 16;
  if (map.swizzle != 0 && map.row_bytes() != span)
    return unprobed(
        format("where rows of %u bytes lie in a swizzle of %u bytes", map.row_bytes(), span));
  if (map.row_bytes() % 16 != 0)
    return unprobed(format("im2col with %u bytes of channels, no multiple of 16", map.row_bytes()));
  if (map.mode == TensorMap::Mode::im2col && map.steps[map.rank - 1u] != 1)
    return unprobed("im2col with an element stride from image to image");
  return {};
}

// Of a copy to global memory (9.7.9.25.5.1).
Objection objection_to_store(const TensorMap& map, const TensorAccess& access) {
  for (unsigned i = 0; i < map.rank; ++i)
    if (access.start[i] < 0)
      return {"negative-store",
              format("a tensor store begins at coordinate %d of dimension %u", access.start[i], i)};
  if (map.mode == TensorMap::Mode::tiled) return {};
  for (unsigned i = 0; i + 2 < map.rank; ++i)
    if (map.lower[i] < 0 || map.upper[i] > 0)
      return {"negative-store",
              format("an im2col store through a box with corners %d and %d, outside the tensor",
                     map.lower[i], map.upper[i])};
  return {};
}

Objection objection_to_im2col(const TensorMap& map, const TensorAccess& access) {
  static constexpr unsigned kOffsetBits[] = {16, 8, 5};  // of ranks 3, 4, 5
  const unsigned spatial = map.rank - 2u;
  for (unsigned i = 0; i < spatial; ++i) {
    const int64_t start = access.start[i + 1], low = map.lower[i], high = last_base(map, i + 1);
    if (start < low || start > high)
      return {"im2col-start", format("coordinate %lld of dimension %u, the box has %lld to %lld",
                                     static_cast<long long>(start), i + 1,
                                     static_cast<long long>(low), static_cast<long long>(high))};
    if (access.offsets[i] >> kOffsetBits[spatial - 1] != 0)
      return {"tensor-map-misuse", format("an im2col offset of %u, possible are %u bits",
                                          access.offsets[i], kOffsetBits[spatial - 1])};
  }
  return {};
}

}  // namespace

uint32_t TensorMap::box_bytes() const {
  uint32_t bytes = row_bytes();
  if (mode == Mode::im2col) return bytes * pixels;
  for (unsigned i = 1; i < rank; ++i) bytes *= count(i);
  return bytes;
}

Objection objection_to(const TensorMap& map, const TensorAccess& access) {
  if (Objection o = objection_to_map(map); o.kind != nullptr) return o;
  if (access.stores)
    if (Objection o = objection_to_store(map, access); o.kind != nullptr) return o;
  if (map.mode == TensorMap::Mode::im2col) return objection_to_im2col(map, access);
  return {};
}

std::vector<CopyPiece> pieces_of(const TensorMap& map, const TensorAccess& access,
                                 uint32_t shared) {
  return map.mode == TensorMap::Mode::im2col ? im2col_pieces(map, access, shared)
                                             : tile_pieces(map, access, shared);
}

}  // namespace cuemu
