// SPDX-License-Identifier: MIT
// classify: what is in a picture, and how far from ONNX Runtime's answer ours is.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <sstream>

#include "commands/commands.hpp"
#include "commands/model.hpp"
#include "harness/error.hpp"
#include "harness/files.hpp"
#include "harness/network/model_file.hpp"
#include "harness/network/picture.hpp"
#include "harness/network/recorded.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

using harness::Picture;
using harness::Recorded;
using harness::value_of;

constexpr std::size_t kShown = 5, kSame = 3;

// Torchvision's: parts of 255, less ImageNet's mean, over its deviation.
PixelFormat imagenet_pixels() {
  constexpr float kMean[] = {0.485f, 0.456f, 0.406f}, kDeviation[] = {0.229f, 0.224f, 0.225f};
  PixelFormat format{.layout = PixelLayout::nhwc, .type = PixelType::u8};
  for (std::size_t channel = 0; channel < 3; ++channel) {
    format.mean[channel] = 255 * kMean[channel];
    format.scale[channel] = 1 / (255 * kDeviation[channel]);
  }
  return format;
}

// Of a logit, for networks whose logits are a few units: docs/numerics.md.
double allowed_difference(DataType dtype) {
  return dtype == DataType::f32 ? 1e-3 : dtype == DataType::f16 ? 0.05 : 0.4;
}

// A trained network, and what was recorded for it.
struct Classifier {
  std::filesystem::path file;
  std::optional<Recorded> recorded = {};  // under this file's name
  bool same_file = false;                 // as the recorded one
  Graph graph = {};
};

Classifier read_classifier(const NetworkSettings& settings) {
  Classifier classifier{.file = find_model(settings, settings.model)};
  classifier.recorded =
      harness::find_recorded(harness::shipped("networks"), classifier.file.filename().string());
  std::vector<std::string> outputs;
  if (classifier.recorded) {
    const std::string bytes = harness::read_file(classifier.file);
    classifier.same_file = harness::sha256(bytes) == classifier.recorded->model_sha256;
    if (classifier.same_file) outputs = {classifier.recorded->logits_name};
  }
  classifier.graph = harness::read_model(classifier.file, outputs);
  return classifier;
}

std::vector<std::string> read_classes(const NetworkSettings& settings, std::size_t classes) {
  constexpr std::size_t kOfImageNet = 1000;
  std::filesystem::path file = settings.classes;
  if (file.empty()) {
    const std::string list =
        classes == kOfImageNet ? "imagenet" : std::filesystem::path(settings.model).stem().string();
    file = harness::shipped("networks") / (list + "_classes.txt");
    if (std::error_code ignored; !std::filesystem::is_regular_file(file, ignored)) {
      return std::vector<std::string>(classes);
    }
  }
  std::vector<std::string> names;
  std::istringstream lines(harness::read_file(file));
  for (std::string line; std::getline(lines, line);) names.push_back(line);
  if (names.size() != classes) {
    throw harness::Error(ErrorCode::invalid_argument,
                         file.string() + ": " + counted(names.size(), "line") +
                             ", the network has " + std::to_string(classes) +
                             " classes; give a name for each");
  }
  return names;
}

// Classes, the likeliest first.
std::vector<std::size_t> ranked(const std::vector<float>& logits) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t at) { return logits[at]; });
  return order;
}

// How an answer compares with the recorded one.
struct Comparison {
  double difference = 0;     // the largest, of a logit
  std::size_t same_top = 0;  // so many of the likeliest are the same, in this order
};
Comparison compare(const std::vector<float>& logits, const std::vector<float>& recorded) {
  Comparison result;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    result.difference = std::max(result.difference, std::abs(static_cast<double>(logits[i]) -
                                                             static_cast<double>(recorded[i])));
  }
  const std::vector<std::size_t> ours = ranked(logits), theirs = ranked(recorded);
  const auto end = std::ranges::mismatch(ours, theirs).in1;
  result.same_top = static_cast<std::size_t>(end - ours.begin());
  return result;
}

std::string size_text(Extent size) {
  return std::to_string(size.w) + "x" + std::to_string(size.h);
}

}  // namespace

int run_classify(const Options& options, const harness::Device& device, Writer& writer) {
  const NetworkSettings& settings = options.network;
  const DataType dtype = options.settings.dtype;
  const std::filesystem::path picture_file = settings.picture.empty()
                                                 ? find_model(settings, "grace_hopper.jpg")
                                                 : std::filesystem::path(settings.picture);
  const Picture decoded = harness::turned(harness::read_picture(picture_file), settings.turn);
  const Classifier classifier = read_classifier(settings);
  const Graph& graph = classifier.graph;
  NetworkPlanOptions wanted = harness::image_options(graph, 1, settings.images);
  const Extent size = harness::picture_size(graph, wanted);
  const Picture picture = harness::resized(decoded, size);
  wanted.input = classifier.recorded ? classifier.recorded->input : imagenet_pixels();

  const Network network =
      value_of(Network::create(graph, {.dtype = dtype}), classifier.file.string());
  const NetworkPlan plan = value_of(network.plan(wanted), classifier.file.string());
  if (plan.outputs() != 1) {
    throw harness::Error(ErrorCode::unsupported,
                         classifier.file.string() + ": " + std::to_string(plan.outputs()) +
                             " outputs, so none is the answer; use foldconv run");
  }
  const auto bytes = std::as_bytes(std::span(picture.pixels));
  const harness::NetworkResult result = run_shown(plan, {{bytes.begin(), bytes.end()}});
  const std::vector<float> logits = harness::floats(result.outputs.front());
  const std::vector<std::string> names = read_classes(settings, logits.size());
  const bool finite = std::ranges::all_of(logits, [](float logit) { return std::isfinite(logit); });

  const harness::RecordedAnswer* recorded =
      classifier.same_file
          ? classifier.recorded->find(harness::sha256(
                {reinterpret_cast<const char*>(picture.pixels.data()), picture.pixels.size()}))
          : nullptr;
  if (recorded != nullptr && recorded->logits.size() != logits.size()) recorded = nullptr;
  const std::string turn =
      settings.turn == 0 ? "" : ", turned by " + std::to_string(settings.turn) + " degrees";
  writer.begin(heading_of(
      options, device,
      {{"picture", picture_file.filename().string()},
       {"turned", settings.turn},
       {"runtime",
        value_if(recorded != nullptr, classifier.recorded ? classifier.recorded->runtime : "")}},
      {"picture: " + picture_file.filename().string() + turn + ", " + size_text(decoded.size) +
       " -> " + size_text(size)}));
  const std::vector<std::size_t> order = ranked(logits);
  for (std::size_t rank = 0; rank < std::min(kShown, order.size()); ++rank) {
    const std::size_t at = order[rank];
    const float theirs = recorded != nullptr ? recorded->logits[at] : 0;
    writer.row({{"class", at, {"class", 5}},
                {"name", text_or_none(names[at]), {"name", 28, true}, clipped(names[at], 28)},
                {"logit", logits[at], {"logit", 9, false, 4}},
                {"recorded",
                 value_if(recorded != nullptr, theirs),
                 {recorded != nullptr ? classifier.recorded->runtime : "",
                  recorded != nullptr ? 9 : 0, false, 4}},
                {"difference",
                 value_if(recorded != nullptr, logits[at] - theirs),
                 {"difference", recorded != nullptr ? 10 : 0, false, 4}}});
  }
  std::vector<std::string> lines = {"", plan_text(plan)};
  Fields fields = {{"launches", plan.explanation().launches()},
                   {"workspace_bytes", plan.workspace_bytes()},
                   {"classes", logits.size()}};
  bool right = finite;
  if (recorded != nullptr) {
    const Comparison comparison = compare(logits, recorded->logits);
    const double allowed = allowed_difference(dtype);
    right = right && comparison.difference <= allowed &&
            comparison.same_top >= std::min(kSame, logits.size());
    fields.insert(fields.end(), {{"max_difference", comparison.difference},
                                 {"allowed_difference", allowed},
                                 {"same_top", comparison.same_top},
                                 {"right", right}});
    lines.push_back("largest |logit - " + classifier.recorded->runtime + "| of " +
                    std::to_string(logits.size()) + ": " + fixed(comparison.difference, 4) +
                    ", allowed " + short_number(allowed) + "; same top " +
                    std::to_string(std::min(comparison.same_top, std::min(kShown, logits.size()))) +
                    (right ? "" : ": WRONG"));
  } else if (classifier.recorded) {
    lines.push_back(classifier.same_file
                        ? "no recorded answer for this picture"
                        : "no recorded answer for this file: it is another one than the recorded");
  }
  if (!finite) lines.push_back("WRONG: a logit is infinite or no number");
  writer.end(fields, lines);
  return right ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
