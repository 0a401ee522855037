// SPDX-License-Identifier: MIT
// Values of tensors in files beside the model.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "foldconv/status.hpp"
#include "onnx/wire/elements.hpp"
#include "onnx/wire/mapped_file.hpp"
#include "onnx/wire/messages.hpp"

namespace foldconv::onnx::wire {

// The values of a model's tensors, in its own file or in others of its folder. Of these nothing is
// read that lies outside the folder: a path is relative, without `..`, and no link leads out.
class TensorFiles {
 public:
  TensorFiles() = default;  // of a model in memory: values in other files are refused
  TensorFiles(const std::filesystem::path& model, const MappedFile& mapped);

  // Errors: as values_in_file(); a location that is not permitted, an offset and a length that do
  // not fit.
  Result<TensorBytes> values(const TensorProto& tensor);

 private:
  Result<MappedFile> open(const std::string& location);

  std::optional<std::filesystem::path> folder_;
  MappedFile model_;
  std::map<std::string, MappedFile> files_;
};

}  // namespace foldconv::onnx::wire
