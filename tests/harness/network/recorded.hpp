// SPDX-License-Identifier: MIT
// What ONNX Runtime answered for trained networks: the files of tests/golden/networks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foldconv/pixels.hpp"
#include "harness/error.hpp"

namespace foldconv::harness {

struct RecordedAnswer {
  std::string input_sha256;  // of the resized picture, RGB
  std::vector<float> logits;
};

// A network, how a picture becomes its input, and answers.
struct Recorded {
  std::string model;  // its file's name
  std::string model_sha256;
  std::string logits_name;                // the tensor that the answers are of
  std::string runtime;                    // "onnxruntime 1.32.0"
  PixelFormat input;                      // of RGB pixels, a byte a channel
  std::map<std::string, double> allowed;  // difference of a logit, by storage type
  std::vector<RecordedAnswer> answers;

  // Null: none for this input.
  const RecordedAnswer* find(const std::string& input_sha256) const;
};

// Throws Error (invalid_argument), naming the file: none, or one of another form.
Recorded read_recorded(const std::filesystem::path& file);

// The record of `model`, a file's name, among those of a folder; none: there is no such record.
std::optional<Recorded> find_recorded(const std::filesystem::path& folder,
                                      const std::string& model);

// In hexadecimal digits.
std::string sha256(std::string_view bytes);

}  // namespace foldconv::harness
