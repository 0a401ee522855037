// SPDX-License-Identifier: MIT
// A trained network and a picture; what it answers, and what ONNX Runtime did.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "commands/options.hpp"
#include "foldconv/network.hpp"
#include "harness/network/picture.hpp"
#include "harness/network/recorded.hpp"

namespace foldconv::tool {

struct Classifier {
  std::filesystem::path file;
  std::optional<harness::Recorded> recorded = {};  // under this file's name
  bool same_file = false;                          // as the recorded one
  Graph graph = {};                                // up to the logits, where they are known
};
// Throws Error: what read_model() throws, a damaged record.
Classifier read_classifier(const NetworkSettings& settings);

// A picture as the input of a network.
struct Question {
  std::filesystem::path file;
  Extent size;               // of the picture, turned
  harness::Picture picture;  // resized
  NetworkPlanOptions plan;
};
// The picture that the settings name, or the one beside the trained networks. Throws Error: no picture; a network that
// takes none.
Question read_question(const NetworkSettings& settings, const Classifier& classifier);

// Null: none for this network and picture.
const harness::RecordedAnswer* recorded_answer(const Classifier& classifier,
                                               const Question& question);

struct Answer {
  NetworkPlan plan;
  std::vector<float> logits;
};
// Throws Error: what fails; a network of several outputs.
Answer answer(const Classifier& classifier, const Question& question, DataType dtype);

// Classes, the likeliest first.
std::vector<std::size_t> ranked(const std::vector<float>& logits);

struct Comparison {
  double difference = 0;  // the largest, of a logit
  double allowed = 0;
  std::size_t same_top = 0;  // so many of the likeliest are the same, in this order
  bool right = false;
};
// How far a logit may be from the recorded one.
double allowed_difference(const harness::Recorded& recorded, DataType dtype);

// Throws Error (invalid_argument): a record of another number of logits.
Comparison compare(const std::vector<float>& logits, const std::vector<float>& recorded,
                   double allowed);

}  // namespace foldconv::tool
