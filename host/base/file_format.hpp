// SPDX-License-Identifier: MIT
// What a file is that was taken for a model, by how it begins.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "foldconv/status.hpp"

namespace foldconv::host {

enum class ModelFormat { none, onnx, safetensors };

// Of bytes that could not be read as `wanted`. invalid_argument: they begin as a file of another format that is often
// given for a model; the message names it, and says how it becomes one. ok: they begin as none of these.
Status refuse_other_format(std::span<const std::byte> bytes, ModelFormat wanted);

// Of a path that could not be opened, `status` says why: as it is, or invalid_argument where it is the folder of a model.
Status refuse_unopened(const std::filesystem::path& path, const Status& status);

}  // namespace foldconv::host
