// SPDX-License-Identifier: MIT
// Everything that was read of an ONNX file, as text: to compare two readers.
#pragma once

#include <string>

#include "foldconv/status.hpp"
#include "onnx/wire/external_data.hpp"
#include "onnx/wire/messages.hpp"

namespace foldconv::onnx::wire {

// A line a field, in the order of messages.hpp, as in
//   graph.initializer[0].dims = 64 3 7 7
//   graph.initializer[0].values = float 37632 bytes 8c1f2ac5b7f1d5e2
// Numbers are separated by spaces; floats are written as their bits, in hexadecimal; text is in
// quotes, as escaped() writes it. Fields without a value are left out. Of values there is a 64-bit
// FNV-1a hash; of strings each is hashed behind its length in 8 bytes. tests/golden/onnx/describe.py
// writes the same text. Errors: of the tensors' values.
Result<std::string> to_text(const ModelProto& model, TensorFiles& files);

}  // namespace foldconv::onnx::wire
