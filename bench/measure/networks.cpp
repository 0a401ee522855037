// SPDX-License-Identifier: MIT
#include "measure/networks.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "harness/error.hpp"
#include "harness/network/judge.hpp"
#include "harness/network/run.hpp"

namespace foldconv::tool {
namespace {

using harness::Bytes;

constexpr int kTwins = 2;  // different images

// Of the largest output: what tensors rounded elsewhere may change. The judge of each step knows better; this is for
// ways that it has no step for.
double allowed_share(DataType dtype) {
  return dtype == DataType::f32 ? 1e-4 : dtype == DataType::f16 ? 0.02 : 0.15;
}

std::string wrong_step(const Graph& graph, DataType dtype, NetworkPlanOptions options) {
  options.n = kTwins;
  const harness::JudgedNetwork judged = harness::judged_network(graph, dtype, options);
  const std::vector<Bytes> inputs = {check_images(judged.plan)};
  const harness::NetworkResult result = harness::run_network(judged.plan, inputs);
  for (const harness::StepVerdict& step : harness::judge_steps(judged, inputs, result)) {
    if (!step.verdict.pass)
      return step.operation + " \"" + step.tensor + "\": " + step.verdict.reason;
  }
  return "";
}

// "": each image has the bits of its twin.
std::string wrong_twin(const Bytes& output, int images) {
  const std::size_t bytes = output.size() / static_cast<std::size_t>(images);
  for (int image = kTwins; image < images; ++image) {
    const auto place = static_cast<std::size_t>(image), twin = place % kTwins;
    if (std::memcmp(output.data() + place * bytes, output.data() + twin * bytes, bytes) != 0) {
      return "image " + std::to_string(image) + " has other bits than the same image at place " +
             std::to_string(twin);
    }
  }
  return "";
}

std::string wrong_values(const Bytes& output, const Bytes& chain, DataType dtype) {
  if (output == chain) return "";
  const std::vector<float> ours = harness::floats(output), theirs = harness::floats(chain);
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(theirs[i])));
    const double away = std::abs(static_cast<double>(ours[i]) - static_cast<double>(theirs[i]));
    difference = away <= difference ? difference : away;  // a NaN stays
  }
  if (difference <= allowed_share(dtype) * largest) return "";
  return "an output is " + std::to_string(difference) + " from the chain's, the largest is " +
         std::to_string(largest);
}

}  // namespace

Bytes check_images(const NetworkPlan& plan) {
  const std::size_t elements = plan.input_bytes(0) / sizeof(float),
                    of_image = elements / static_cast<std::size_t>(plan.images());
  std::vector<float> values(elements);
  std::uint64_t state = 1;
  for (std::size_t i = 0; i < elements; ++i) {
    if (i >= of_image * kTwins) {
      values[i] = values[i - of_image * kTwins];
      continue;
    }
    state = state * 6364136223846793005U + 1442695040888963407U;
    values[i] = static_cast<float>(static_cast<std::int32_t>(state >> 32)) / 2147483648.0f;
  }
  return harness::bytes_of(values);
}

void check_networks(const Graph& graph, DataType dtype, const NetworkPlanOptions& options,
                    std::vector<MeasuredNetwork>& ways) {
  const auto chain = std::ranges::find(ways, std::string("chain"), &MeasuredNetwork::way);
  std::vector<Bytes> expected;
  if (chain != ways.end() && chain->plan) {
    chain->wrong = wrong_step(graph, dtype, options);
    expected = harness::run_network(*chain->plan, {check_images(*chain->plan)}).outputs;
  }
  for (MeasuredNetwork& way : ways) {
    if (!way.plan || !way.wrong.empty()) continue;
    if (expected.empty() || !chain->wrong.empty()) {
      way.wrong = "not checked: there is no right chain to compare it with";
      continue;
    }
    const std::vector<Bytes> outputs =
        harness::run_network(*way.plan, {check_images(*way.plan)}).outputs;
    for (std::size_t i = 0; i < outputs.size() && way.wrong.empty(); ++i) {
      way.wrong = wrong_twin(outputs[i], way.plan->images());
      if (way.wrong.empty()) way.wrong = wrong_values(outputs[i], expected[i], dtype);
    }
  }
}

}  // namespace foldconv::tool
