// SPDX-License-Identifier: MIT
// A kernel as the machine runs it: one function pointer and byte offsets into the register file
// per instruction.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cuemu {

struct Warp;
struct Instr;

// `mask`: the active lanes whose guard is true; never 0 for a plain instruction.
using Handler = void (*)(Warp& warp, const Instr& in, uint32_t mask);

inline constexpr uint32_t kAllLanes = 0xFFFFFFFFu;
inline constexpr uint32_t kNoSlot = ~0u;

struct alignas(64) Instr {
  Handler run = nullptr;
  uint32_t dst = kNoSlot;  // slots: byte offsets into the warp's register file
  uint32_t a = kNoSlot, b = kNoSlot, c = kNoSlot, d = kNoSlot;
  uint32_t guard = kNoSlot;  // slot of a predicate
  bool guard_negated = false;
  bool control = false;            // may change the warp's pc, active lanes or state
  uint8_t weight = 1;              // 0: a helper of the instruction that follows or precedes
  uint8_t count = 0;               // of slots in `list`, where that varies
  uint32_t site = 0;               // numbers the memory instructions of a program
  int64_t imm = 0;                 // displacement or other constant
  const uint32_t* list = nullptr;  // more slots: vectors, matrix fragments
  uint32_t target = 0;             // of a branch: instruction index
  uint32_t extra = 0;              // meaning as the handler likes
};
static_assert(sizeof(Instr) == 64);

// Where in the program's source an instruction comes from.
struct SourceLocation {
  uint32_t file = 0, line = 0;
  uint32_t inlined_file = 0, inlined_line = 0;  // the call site; 0 when not inlined
};

enum class Special : uint8_t {
  tid_x,
  tid_y,
  tid_z,
  ntid_x,
  ntid_y,
  ntid_z,
  ctaid_x,
  ctaid_y,
  ctaid_z,
  nctaid_x,
  nctaid_y,
  nctaid_z,
  laneid,
  warpid,
  nwarpid,
  smid,
  nsmid,
  gridid_low,
  lanemask_eq,
  lanemask_le,
  lanemask_lt,
  lanemask_ge,
  lanemask_gt,
  dynamic_smem_size,
  total_smem_size,
  cluster_ctarank,
  cluster_nctarank,
  cluster_ctaid_x,
  cluster_ctaid_y,
  cluster_ctaid_z,
  cluster_nctaid_x,
  cluster_nctaid_y,
  cluster_nctaid_z,
  clusterid_x,
  clusterid_y,
  clusterid_z,
  nclusterid_x,
  nclusterid_y,
  nclusterid_z,
  is_explicit_cluster,  // a predicate
  grid_workspace_low,
  grid_workspace_high,
};

struct SpecialSlot {
  Special what;
  uint32_t slot;
  uint8_t bytes;  // of a lane: 2, 4 or 8; 0 for a predicate (all lanes)
};

struct ConstantSlot {
  uint64_t bits;
  uint32_t slot;
  uint8_t bytes;  // of a lane: 2, 4, 8; 0 for a predicate (all lanes)
};

struct Program {
  std::string name;  // mangled
  std::string pretty_name;
  std::vector<Instr> code;
  std::vector<uint32_t> origin;    // instruction -> index into texts and locations
  std::vector<std::string> texts;  // of PTX instructions, as written
  std::vector<SourceLocation> locations;
  const std::unordered_map<uint32_t, std::string>* files = nullptr;
  std::vector<ConstantSlot> constants;
  std::vector<SpecialSlot> specials;
  std::deque<std::vector<uint32_t>> lists;
  std::deque<std::vector<uint32_t>> branch_tables;
  uint32_t register_bytes = 0;
  uint32_t sites = 0;
  uint32_t wgmma_registers = 0;  // that any wgmma.mma_async names
  uint32_t static_shared_bytes = 0;
  uint32_t dynamic_shared_offset = 0;
  uint32_t local_bytes = 0;
  uint32_t shared_granule = 16;  // the narrowest access that may go to shared memory, in bytes
  uint32_t parameter_bytes = 0;

  // "FILE:LINE", with the call site in front of it for an inlined function; "?" when unknown.
  std::string source_of(const Instr& in) const;
};

}  // namespace cuemu
