// SPDX-License-Identifier: MIT
// The opcodes each file of ops/ decodes.
#pragma once

#include <span>

#include "opcodes.hpp"

namespace cuemu {

std::span<const OpcodeEntry> integer_opcodes();
std::span<const OpcodeEntry> bit_opcodes();
std::span<const OpcodeEntry> float_opcodes();
std::span<const OpcodeEntry> compare_opcodes();
std::span<const OpcodeEntry> convert_opcodes();
std::span<const OpcodeEntry> move_opcodes();
std::span<const OpcodeEntry> memory_opcodes();
std::span<const OpcodeEntry> atomic_opcodes();
std::span<const OpcodeEntry> control_opcodes();
std::span<const OpcodeEntry> collective_opcodes();
std::span<const OpcodeEntry> tensor_opcodes();
std::span<const OpcodeEntry> matrix_opcodes();
std::span<const OpcodeEntry> async_opcodes();
std::span<const OpcodeEntry> mbarrier_opcodes();
std::span<const OpcodeEntry> cluster_opcodes();
std::span<const OpcodeEntry> grid_control_opcodes();
std::span<const OpcodeEntry> wgmma_opcodes();

// Opcodes whose integer and floating-point forms live in different files.
void decode_float_arithmetic(Decoder& d);  // add sub mul fma mad div min max abs neg

// Forms of opcodes that belong to another file.
void decode_cluster_barrier(Decoder& d);  // barrier.cluster
void decode_copy_arrival(Decoder& d);     // cp.async.mbarrier.arrive
void decode_async_store(Decoder& d);      // st.async
void decode_bulk_copy(Decoder& d);        // cp.async.bulk, cp.reduce.async.bulk
void decode_tensor_map_prefetch(Decoder& d);

}  // namespace cuemu
