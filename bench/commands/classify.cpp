// SPDX-License-Identifier: MIT
// classify: what is in a picture, and how far from ONNX Runtime's answer ours is.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "commands/classifier.hpp"
#include "commands/commands.hpp"
#include "commands/model.hpp"
#include "harness/error.hpp"
#include "harness/files.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

constexpr std::size_t kShown = 5;

// One for each class; empty ones where nobody knows them.
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

std::string size_text(Extent size) {
  return std::to_string(size.w) + "x" + std::to_string(size.h);
}

Heading classify_heading(const Options& options, const harness::Device& device,
                         const Question& question, const std::string& runtime) {
  const int turn = options.network.turn;
  const std::string picture = question.file.filename().string();
  return heading_of(options, device,
                    {{"picture", picture}, {"turned", turn}, {"runtime", text_or_none(runtime)}},
                    {"picture: " + picture +
                     (turn == 0 ? "" : ", turned by " + std::to_string(turn) + " degrees") + ", " +
                     size_text(question.size) + " -> " + size_text(question.picture.size)});
}

// `recorded`: the same class's; null: none.
Fields fields_of(std::size_t number, const std::string& name, float logit, const float* recorded,
                 const std::string& runtime) {
  constexpr int kNameWidth = 28;
  const bool known = recorded != nullptr;
  const float theirs = known ? *recorded : 0;
  return {
      {"class", number, {"class", 5}},
      {"name", text_or_none(name), {"name", kNameWidth, true}, clipped(name, kNameWidth)},
      {"logit", logit, {"logit", 9, false, 4}},
      {"recorded", value_if(known, theirs), {runtime, known ? 9 : 0, false, 4}},
      {"difference", value_if(known, logit - theirs), {"difference", known ? 10 : 0, false, 4}}};
}

// Why there is no comparison.
std::string why_none(const Classifier& classifier) {
  return std::string("no recorded answer for this ") +
         (!classifier.recorded    ? "network"
          : !classifier.same_file ? "file: it is another one than the recorded"
                                  : "picture");
}

}  // namespace

int run_classify(const Options& options, const harness::Device& device, Writer& writer) {
  const DataType dtype = options.settings.dtype;
  const Classifier classifier = read_classifier(options.network);
  Question question = read_question(options.network, classifier);
  question.plan.instructions = options.settings.instructions;
  const auto [plan, logits] = answer(classifier, question, dtype);
  const std::vector<std::string> names = read_classes(options.network, logits.size());
  const harness::RecordedAnswer* recorded = recorded_answer(classifier, question);
  const std::string runtime = recorded != nullptr ? classifier.recorded->runtime : "";

  writer.begin(classify_heading(options, device, question, runtime));
  const std::vector<std::size_t> order = ranked(logits);
  const std::size_t shown = std::min(kShown, order.size());
  for (std::size_t rank = 0; rank < shown; ++rank) {
    const std::size_t at = order[rank];
    writer.row(fields_of(at, names[at], logits[at],
                         recorded != nullptr ? &recorded->logits[at] : nullptr, runtime));
  }
  std::vector<std::string> lines = {"", plan_text(plan)};
  Fields fields = {{"classes", logits.size()},
                   {"launches", plan.explanation().launches()},
                   {"workspace_bytes", plan.workspace_bytes()}};
  bool right = std::ranges::all_of(logits, [](float logit) { return std::isfinite(logit); });
  if (!right) lines.emplace_back("WRONG: a logit is infinite or no number");
  if (recorded == nullptr) {
    lines.push_back(why_none(classifier));
  } else {
    const Comparison comparison =
        compare(logits, recorded->logits, allowed_difference(*classifier.recorded, dtype));
    right = right && comparison.right;
    fields.insert(fields.end(), {{"max_difference", comparison.difference},
                                 {"allowed_difference", comparison.allowed},
                                 {"same_top", comparison.same_top}});
    lines.push_back((comparison.right ? "" : "WRONG: ") + ("largest |logit - " + runtime) +
                    "| of " + std::to_string(logits.size()) + ": " +
                    fixed(comparison.difference, 4) + ", allowed " +
                    short_number(comparison.allowed) + "; same top " +
                    std::to_string(std::min(comparison.same_top, shown)));
  }
  fields.emplace_back("right", right);
  writer.end(fields, lines);
  return right ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
