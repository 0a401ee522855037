// SPDX-License-Identifier: MIT
#include "specials.hpp"

#include "launch.hpp"
#include "run.hpp"

namespace cuemu {
namespace {

uint32_t special_value(Special what, const Launch& launch, const Cta& cta, uint32_t thread) {
  const uint32_t lane = thread % 32;
  const Dim3 &block = launch.block, &grid = launch.grid, &cluster = launch.cluster;
  switch (what) {
    case Special::tid_x:
      return thread % block.x;
    case Special::tid_y:
      return thread / block.x % block.y;
    case Special::tid_z:
      return thread / block.x / block.y;
    case Special::ntid_x:
      return block.x;
    case Special::ntid_y:
      return block.y;
    case Special::ntid_z:
      return block.z;
    case Special::ctaid_x:
      return cta.index[0];
    case Special::ctaid_y:
      return cta.index[1];
    case Special::ctaid_z:
      return cta.index[2];
    case Special::nctaid_x:
      return grid.x;
    case Special::nctaid_y:
      return grid.y;
    case Special::nctaid_z:
      return grid.z;
    case Special::laneid:
      return lane;
    case Special::warpid:
      return thread / 32;
    case Special::nwarpid:
      return static_cast<uint32_t>(cta.warps.size());
    case Special::smid:
      return 0;
    case Special::nsmid:
      return 1;
    case Special::gridid_low:
      return 1;
    case Special::lanemask_eq:
      return 1u << lane;
    case Special::lanemask_lt:
      return (1u << lane) - 1;
    case Special::lanemask_le:
      return (2u << lane) - 1;
    case Special::lanemask_gt:
      return ~((2u << lane) - 1);
    case Special::lanemask_ge:
      return ~((1u << lane) - 1);
    case Special::dynamic_smem_size:
      return launch.dynamic_shared_bytes;
    case Special::total_smem_size:
      return cta.shared_bytes;
    case Special::cluster_ctarank:
      return cta.rank;
    case Special::cluster_nctarank:
      return cta.cluster->size;
    case Special::cluster_ctaid_x:
      return cta.index[0] % cluster.x;
    case Special::cluster_ctaid_y:
      return cta.index[1] % cluster.y;
    case Special::cluster_ctaid_z:
      return cta.index[2] % cluster.z;
    case Special::cluster_nctaid_x:
      return cluster.x;
    case Special::cluster_nctaid_y:
      return cluster.y;
    case Special::cluster_nctaid_z:
      return cluster.z;
    case Special::clusterid_x:
      return cta.index[0] / cluster.x;
    case Special::clusterid_y:
      return cta.index[1] / cluster.y;
    case Special::clusterid_z:
      return cta.index[2] / cluster.z;
    case Special::nclusterid_x:
      return grid.x / cluster.x;
    case Special::nclusterid_y:
      return grid.y / cluster.y;
    case Special::nclusterid_z:
      return grid.z / cluster.z;
    case Special::is_explicit_cluster:
      return launch.is_clustered ? 1 : 0;
    case Special::grid_workspace_low:
      return static_cast<uint32_t>(cta.worker->launch->grid_workspace);
    case Special::grid_workspace_high:
      return static_cast<uint32_t>(cta.worker->launch->grid_workspace >> 32);
  }
  return 0;
}

bool differs_by_cta(Special what) {
  switch (what) {
    case Special::ctaid_x:
    case Special::ctaid_y:
    case Special::ctaid_z:
    case Special::cluster_ctarank:
    case Special::cluster_ctaid_x:
    case Special::cluster_ctaid_y:
    case Special::cluster_ctaid_z:
    case Special::clusterid_x:
    case Special::clusterid_y:
    case Special::clusterid_z:
      return true;
    default:
      return false;
  }
}

// bytes: of a lane; 0: a predicate.
void fill_slot(Warp& w, const SpecialSlot& s, unsigned lane, uint64_t value) {
  if (s.bytes == 0) w.predicate(s.slot) = value != 0 ? kAllLanes : 0;
  if (s.bytes == 2) w.lanes<uint16_t>(s.slot)[lane] = static_cast<uint16_t>(value);
  if (s.bytes == 4) w.lanes<uint32_t>(s.slot)[lane] = static_cast<uint32_t>(value);
  if (s.bytes == 8) w.lanes<uint64_t>(s.slot)[lane] = value;
}

void fill(Warp& w, const Launch& launch, bool of_cta) {
  for (const SpecialSlot& s : w.worker->program->specials) {
    if (differs_by_cta(s.what) != of_cta) continue;
    for (uint32_t lane = 0; lane < 32; ++lane)
      fill_slot(w, s, lane, special_value(s.what, launch, *w.cta, w.index * 32 + lane));
  }
}

}  // namespace

void fill_launch_specials(Warp& warp, const Launch& launch) {
  fill(warp, launch, false);
}
void fill_cta_specials(Warp& warp, const Launch& launch) {
  fill(warp, launch, true);
}

}  // namespace cuemu
