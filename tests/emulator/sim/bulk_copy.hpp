// SPDX-License-Identifier: MIT
// Bulk copies: what the copy engine moves between global memory and the shared memory of a cluster (cp.async.bulk,
// cp.async.bulk.tensor, cp.reduce.async.bulk, st.async).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cuemu {

struct Instr;
struct Warp;

// Bytes that lie together in global and, before the swizzle, in shared memory.
struct CopyPiece {
  uint64_t global = 0;  // address; 0: outside the tensor: zeros to shared memory, nothing to global
  uint32_t shared = 0;  // offset in the CTA's shared memory
  uint32_t bytes = 0;
};

// to[i] = operation(to[i], from[i]) for the elements in `bytes`, each atomically.
using ReduceBytes = void (*)(std::byte* to, const std::byte* from, size_t bytes);

struct BulkCopy {
  enum class Direction : uint8_t { to_shared, to_global, to_cluster };

  Direction direction = Direction::to_shared;
  const Instr* in = nullptr;
  unsigned lane = 0;  // that issues it
  std::vector<CopyPiece> pieces;
  // Shared offsets are permuted in units of 16 bytes: offset ^ ((offset >> 7 & swizzle) << 4), of absolute offsets; 0, 1, 3
  // or 7 for no swizzle or one of 32, 64, 128 bytes.
  uint32_t swizzle = 0;
  // To shared memory, or to another CTA's: the ranks of the CTAs that receive it, each at the same offsets, and signal the
  // mbarrier at that offset of each.
  uint32_t ctas = 0;
  uint32_t barrier = 0;
  uint32_t counted_bytes = 0;  // that complete the mbarrier's transaction: the whole box
  // To another CTA's shared memory, at pieces[0]: from `source` in the issuing CTA's; or from `value` (st.async).
  uint32_t source = 0;
  bool by_value = false;
  std::array<std::byte, 16> value{};
  // To global memory: what is done to what is there; nullptr: it is overwritten.
  ReduceBytes reduce = nullptr;
};

// Issues it for a lane of the warp. Its addresses have been checked, and so has its mbarrier's alignment. Counts it.
void issue_bulk_copy(Warp& warp, BulkCopy copy);

// The bulk async-groups of the lanes in `mask`.
void commit_bulk_group(Warp& warp, uint32_t mask);
// Waits until at most `pending` groups of each lane are unfinished, or with `read` until at most so many have sources yet
// to be read.
void wait_bulk_group(Warp& warp, const Instr& in, uint32_t mask, uint32_t pending, bool read);

// Calls body(offset, done, bytes) for the runs of a piece that stay together in shared memory: `done` bytes of it lie before.
template <class Body>
void each_run(const CopyPiece& piece, uint32_t swizzle, Body body) {
  if (swizzle == 0) return body(piece.shared, 0u, piece.bytes);
  const auto place = [&](uint32_t done) {
    const uint32_t offset = piece.shared + done;
    return offset ^ ((offset >> 7 & swizzle) << 4);
  };
  uint32_t done = std::min((16 - piece.shared % 16) % 16, piece.bytes);
  if (done != 0) body(place(0), 0u, done);
  // A constant, so that the compiler makes one move of what is done to it.
  for (; done + 16 <= piece.bytes; done += 16) body(place(done), done, 16u);
  if (done < piece.bytes) body(place(done), done, piece.bytes - done);
}

// The same for what is alike for all bytes: the swizzle moves them within its width only.
template <class Body>
void each_filled_run(const CopyPiece& piece, uint32_t swizzle, Body body) {
  const uint32_t width = (swizzle + 1) * 16;
  const bool is_whole = piece.shared % width == 0 && piece.bytes % width == 0;
  each_run(piece, is_whole ? 0 : swizzle, body);
}

}  // namespace cuemu
