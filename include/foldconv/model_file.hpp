// SPDX-License-Identifier: MIT
/// @file
/// What a file is that somebody took for a model.
#pragma once

#include <filesystem>

#include "foldconv/status.hpp"

namespace foldconv {

/// Of a file whose name does not tell what it is: why it cannot be read as a model. ok: it begins as nothing that is
/// known. Errors: invalid_argument: what it begins as, and how it becomes one that is read, such as "it is a PyTorch
/// checkpoint, which is a pickle; save its state dict as safetensors: ...", or, of a model under a wrong name, "it is an
/// ONNX model; read it as one, in a file called .onnx"; or why it cannot be opened; out_of_memory. The message does not
/// name the file. safetensors::StateDict::read() and onnx::read() say the same of files that they cannot read.
///
/// Needs no device, and may be called from any thread at any time. The file must not be made shorter during the call:
/// reading a mapped file that has shrunk ends the program.
FOLDCONV_API Status why_no_model(const std::filesystem::path& file);

}  // namespace foldconv
