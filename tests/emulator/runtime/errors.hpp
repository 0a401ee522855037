// SPDX-License-Identifier: MIT
// Error state: the last error of each thread, and the sticky error that a kernel fault leaves
// behind.
#pragma once

#include <string>

#include "../engine/engine.hpp"
#include "cuda_declarations.hpp"

namespace cuemu::runtime {

// Remembers `error` as the calling thread's last error unless it is cudaSuccess; returns it.
cudaError_t record_error(cudaError_t error);

// What a kernel fault left behind, else cudaSuccess.
cudaError_t sticky_error();

// A fault inside a kernel: printed, kept for cuemu_last_fault, and sticky from now on. Returns the
// sticky error.
cudaError_t raise_fault(const Fault& fault);

// As for a fault, with that error: `text` is kept for cuemu_last_fault unless there is one already.
cudaError_t make_sticky(cudaError_t error, const std::string& text);

// A launch refused before it began: printed and kept for cuemu_last_fault, not sticky. Returns
// `error`.
cudaError_t refuse_launch(cudaError_t error, const std::string& detail);

// One line on stderr, with the emulator's prefix.
void print_message(const std::string& text);

// For a feature that exists in CUDA but not here: says so on stderr.
cudaError_t not_supported(const char* what);

// Names and texts of all error codes; nullptr for a number that is none.
const char* error_name(cudaError_t error);
const char* error_text(cudaError_t error);

}  // namespace cuemu::runtime
