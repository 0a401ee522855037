// SPDX-License-Identifier: MIT
#include "commands/classifier.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "commands/model.hpp"
#include "harness/error.hpp"
#include "harness/files.hpp"
#include "harness/network/model_file.hpp"

namespace foldconv::tool {
namespace {

using harness::value_of;

constexpr std::size_t kSame = 3;  // of the likeliest classes must be the recorded ones

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

}  // namespace

Classifier read_classifier(const NetworkSettings& settings) {
  Classifier classifier{.file = find_model(settings, settings.model)};
  classifier.recorded =
      harness::find_recorded(harness::shipped("networks"), classifier.file.filename().string());
  std::vector<std::string> outputs;
  if (classifier.recorded) {
    classifier.same_file =
        harness::sha256(harness::read_file(classifier.file)) == classifier.recorded->model_sha256;
    if (classifier.same_file) outputs = {classifier.recorded->logits_name};
  }
  classifier.graph = harness::read_model(classifier.file, outputs);
  return classifier;
}

Question read_question(const NetworkSettings& settings, const Classifier& classifier) {
  const std::filesystem::path file = settings.picture.empty()
                                         ? find_model(settings, "grace_hopper.jpg")
                                         : std::filesystem::path(settings.picture);
  const harness::Picture picture = harness::turned(harness::read_picture(file), settings.turn);
  NetworkPlanOptions plan = harness::image_options(classifier.graph, 1, settings.size);
  plan.input = classifier.recorded ? classifier.recorded->input : imagenet_pixels();
  const Extent size = harness::picture_size(classifier.graph, plan);
  return {file, picture.size, harness::resized(picture, size), plan};
}

const harness::RecordedAnswer* recorded_answer(const Classifier& classifier,
                                               const Question& question) {
  if (!classifier.same_file) return nullptr;
  const std::vector<std::uint8_t>& pixels = question.picture.pixels;
  return classifier.recorded->find(
      harness::sha256({reinterpret_cast<const char*>(pixels.data()), pixels.size()}));
}

Answer answer(const Classifier& classifier, const Question& question, DataType dtype) {
  const std::string name = classifier.file.string();
  const Network network = value_of(Network::create(classifier.graph, {.dtype = dtype}), name);
  const NetworkPlan plan = value_of(network.plan(question.plan), name);
  if (plan.outputs() != 1) {
    throw harness::Error(ErrorCode::unsupported, name + ": " + std::to_string(plan.outputs()) +
                                                     " outputs, of which none is the answer; use "
                                                     "foldconv run");
  }
  const auto pixels = std::as_bytes(std::span(question.picture.pixels));
  const harness::NetworkResult result = run_shown(plan, {{pixels.begin(), pixels.end()}});
  return {plan, harness::floats(result.outputs.front())};
}

std::vector<std::size_t> ranked(const std::vector<float>& logits) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  // What is no number stands last: it has no place in an order.
  const auto key = [&logits](std::size_t at) {
    return std::isnan(logits[at]) ? -std::numeric_limits<float>::infinity() : logits[at];
  };
  std::ranges::stable_sort(order, std::greater(), key);
  return order;
}

double allowed_difference(const harness::Recorded& recorded, DataType dtype) {
  const auto found = recorded.allowed.find(to_string(dtype));
  return found == recorded.allowed.end() ? 0 : found->second;
}

Comparison compare(const std::vector<float>& logits, const std::vector<float>& recorded,
                   double allowed) {
  if (logits.size() != recorded.size()) {
    throw harness::Error(ErrorCode::invalid_argument,
                         "a record of " + std::to_string(recorded.size()) +
                             " logits; the network has " + std::to_string(logits.size()));
  }
  Comparison result{.allowed = allowed};
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double away = std::abs(static_cast<double>(logits[i]) - static_cast<double>(recorded[i]));
    if (!(away <= result.difference)) result.difference = away;  // of a NaN, too
    if (std::isnan(away)) break;
  }
  const std::vector<std::size_t> ours = ranked(logits), theirs = ranked(recorded);
  const auto end = std::ranges::mismatch(ours, theirs).in1;
  result.same_top = static_cast<std::size_t>(end - ours.begin());
  result.right =
      result.difference <= result.allowed && result.same_top >= std::min(kSame, logits.size());
  return result;
}

}  // namespace foldconv::tool
