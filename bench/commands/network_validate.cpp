// SPDX-License-Identifier: MIT
// validate --network: each step of a network against fp64, from what the step itself read.
#include <algorithm>
#include <optional>

#include "commands/classifier.hpp"
#include "commands/commands.hpp"
#include "commands/model.hpp"
#include "harness/error.hpp"
#include "harness/network/judge.hpp"
#include "measure/networks.hpp"
#include "report/progress.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

Fields fields_of(int images, const harness::StepVerdict& step) {
  const harness::Verdict& verdict = step.verdict;
  return {{"images", images, {"images", 6}},
          {"tensor", step.tensor, {"tensor", 40, true}, clipped(step.tensor, 40)},
          {"operation", step.operation, {"operation", 10, true}},
          {"max_abs_error",
           verdict.max_abs_error,
           {"max error", 9},
           short_number(verdict.max_abs_error)},
          {"worst_share_of_bound", verdict.worst_share, {"of bound", 8, false, 3}},
          {"pass", verdict.pass, {"result", 6}, verdict.pass ? "PASS" : "FAIL"},
          {"reason", text_or_none(verdict.reason)}};
}

// The whole network on the recorded picture, as one more step. Returns what a table says about it.
std::string validate_recorded(const Options& options, Writer& writer, std::size_t& steps,
                              std::size_t& passed) {
  const Classifier classifier = read_classifier(options.network);
  if (!classifier.same_file) return "no logits are recorded for this network";
  std::optional<Question> question;
  try {
    question = read_question(options.network, classifier);
    question->plan.instructions = options.settings.instructions;
  } catch (const harness::Error& error) {
    return wrapped(std::string("not compared with recorded logits: ") + error.what(), 2);
  }
  const harness::RecordedAnswer* recorded = recorded_answer(classifier, *question);
  if (recorded == nullptr) return "no logits are recorded for this picture";
  const Answer ours = answer(classifier, *question, options.settings.dtype);
  const Comparison comparison =
      compare(ours.logits, recorded->logits,
              allowed_difference(*classifier.recorded, options.settings.dtype));
  ++steps;
  passed += comparison.right ? 1 : 0;
  writer.row(
      fields_of(1, {.tensor = classifier.recorded->logits_name,
                    .operation = "network",
                    .verdict = {.pass = comparison.right,
                                .max_abs_error = comparison.difference,
                                .worst_share = comparison.difference / comparison.allowed}}));
  return "network: on " + question->file.filename().string() + ", against " +
         classifier.recorded->runtime + "'s logits; same top " +
         std::to_string(std::min<std::size_t>(comparison.same_top, 5));
}

}  // namespace

int run_network_validate(const Options& options, const harness::Device& device, Writer& writer) {
  const Model model = load_model(options.network);
  const Graph& graph = model.graph;
  writer.begin(heading_of(
      options, device, {},
      {"each step from what it itself read: max error: largest difference to the fp64 reference; "
       "of bound: worst share",
       "  of the computed error bound; blocks as their convolutions (validate --block judges "
       "cuts)"}));
  std::size_t steps = 0, passed = 0;
  const std::vector<int> sizes = batch_sizes_of(options);
  Progress progress(sizes.size());
  for (const int images : sizes) {
    progress.next(std::to_string(images) + " images");
    const harness::JudgedNetwork judged = harness::judged_network(
        graph, options.settings.dtype, plan_options(options, graph, images));
    const std::vector<harness::Bytes> inputs = {check_images(judged.plan)};
    const harness::NetworkResult result = run_shown(judged.plan, inputs);
    progress.doing("judging");
    const std::vector<harness::StepVerdict> verdicts = harness::judge_steps(judged, inputs, result);
    progress.clear();
    for (const harness::StepVerdict& step : verdicts) {
      ++steps;
      passed += step.verdict.pass;
      writer.row(fields_of(images, step),
                 step.verdict.reason.empty() ? "" : "  " + wrapped(step.verdict.reason, 2));
    }
  }
  const std::string recorded = model.trained ? validate_recorded(options, writer, steps, passed)
                                             : "weights are seeded: no logits are recorded";
  writer.end({{"steps", steps}, {"passed", passed}},
             {"", std::to_string(passed) + " of " + counted(steps, "step") + " passed", recorded});
  return passed == steps ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
