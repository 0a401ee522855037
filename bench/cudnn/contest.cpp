// SPDX-License-Identifier: MIT
#include "cudnn/contest.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "harness/error.hpp"
#include "harness/oracle/any_order.hpp"
#include "harness/problem/data.hpp"
#include "harness/ways/steps.hpp"

namespace foldconv::cudnn {
namespace {

using harness::Bytes;
using harness::DeviceBuffer;
using harness::Step;

constexpr std::size_t kMostWorkspace = std::size_t{4} << 30;

// The parameters in one of the forms that cuDNN may want them in.
struct Form {
  Epilogue epilogue;
  oracle::ConvInputs values;  // rounded to how they are stored
  DeviceBuffer weights, scale, bias;
  harness::ExpectedConv expected;  // by those very values
};

// KCRS to KRSC.
std::vector<float> channels_last(const ConvProblem& problem, const std::vector<float>& weights) {
  const auto channels = static_cast<std::size_t>(problem.c / problem.groups);
  const auto taps = static_cast<std::size_t>(problem.r) * static_cast<std::size_t>(problem.s);
  std::vector<float> turned(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::size_t tap = i % taps, channel = i / taps % channels, k = i / taps / channels;
    turned[(k * taps + tap) * channels + channel] = weights[i];
  }
  return turned;
}

// All engines read the same, and so does the winner's step: the oracle's last answer is kept.
harness::ExpectedConv expected_of(const Contest& contest, const oracle::ConvInputs& parameters) {
  ConvProblem problem = contest.problem;
  problem.n = contest.x.images.distinct;
  const auto inputs = std::make_shared<oracle::ConvInputs>(parameters);
  const auto expected = std::make_shared<std::optional<oracle::Expected>>();
  return [=](std::vector<float> x, std::vector<float> residual) {
    if (!*expected || x != inputs->x || residual != inputs->residual) {
      inputs->x = std::move(x);
      inputs->residual = std::move(residual);
      *expected = oracle::conv_in_any_order(problem, *inputs);
    }
    return **expected;
  };
}

// A scale of 1 and a bias of 0 are no operations of the graph.
std::vector<std::shared_ptr<const Form>> forms_of(const Contest& contest) {
  const DataType dtype = contest.problem.dtype;
  const oracle::ConvInputs given = harness::inputs_of(contest.folded);
  const bool scale = std::ranges::any_of(given.scale, [](float v) { return v != 1; });
  const bool bias = std::ranges::any_of(given.bias, [](float v) { return v != 0; });
  std::vector<std::shared_ptr<const Form>> forms;
  const auto add = [&](DataType vectors) {
    const auto upload = [](DataType type, const std::vector<float>& values, bool wanted = true) {
      return wanted ? DeviceBuffer(oracle::encode(type, values)) : DeviceBuffer();
    };
    oracle::ConvInputs stored = given;
    for (std::vector<float>* values : {&stored.scale, &stored.bias}) {
      *values = oracle::decode(vectors, oracle::encode(vectors, *values));
    }
    forms.push_back(std::make_shared<const Form>(
        Form{{scale, bias, vectors},
             stored,
             upload(dtype, channels_last(contest.problem, given.weights)),
             upload(vectors, stored.scale, scale),
             upload(vectors, stored.bias, bias),
             expected_of(contest, stored)}));
  };
  add(DataType::f32);
  if (!contest.exact && (scale || bias) && dtype != DataType::f32) add(dtype);
  return forms;
}

RightEngine entrant(const Contest& contest, const std::shared_ptr<const Form>& form,
                    const ConvEngine& engine,
                    const std::shared_ptr<const DeviceBuffer>& workspace) {
  std::string name = engine.name;
  const DataType vectors = form->epilogue.vectors;
  if (vectors != DataType::f32) name += std::string("_") + to_string(vectors) + "_bias";
  const auto launch = [form, run = engine.run, workspace, &x = contest.x,
                       residual = contest.residual, &y = contest.y](cudaStream_t stream) {
    run({.x = x.data(),
         .weights = form->weights.data(),
         .scale = form->scale.data(),
         .bias = form->bias.data(),
         .residual = residual != nullptr ? residual->data() : nullptr,
         .y = y.data(),
         .workspace = workspace->data()},
        stream);
  };
  Step step = harness::conv_step("cuDNN's " + name, contest.problem, contest.x, contest.residual,
                                 contest.y, form->expected, launch, harness::Copies::within_bound);
  step.kernel = name;
  return {std::move(step), {form, &form->values}};
}

// Why one is out; "": it is not. `read`: what its step reads. `right`: what another of its form, which is not
// out, wrote. Sets how many launches the step takes. Throws errors after which nothing can run.
std::string objection_to(Step& step, const std::vector<Bytes>& read, Bytes& right) {
  step.writes->poison();
  try {
    step.launch(nullptr);
  } catch (const harness::Error& error) {
    return error.what();
  }
  harness::check(cudaDeviceSynchronize(), "running " + step.what);
  Bytes y = step.writes->download();
  // Many engines give the same bits, and judging a large batch takes longer than comparing it.
  if (y != right) {
    const harness::Verdict verdict = step.judge(read, y);
    if (!verdict.pass) return verdict.reason;
    right = std::move(y);
  }
  try {
    const harness::Stream stream = harness::make_stream();
    const harness::CapturedGraph graph = harness::captured(stream.get(), step.launch);
    harness::instantiated(graph);
    step.launches = std::max<std::size_t>(harness::nodes_of(graph).size(), 1);
  } catch (const harness::Error& error) {
    return std::string("cannot be part of a CUDA graph: ") + error.what();
  }
  return "";
}

}  // namespace

RightEngines right_engines(const Search& search, const Contest& contest, std::size_t most) {
  RightEngines right;
  std::string reason;  // why the first that is out is out
  const auto object = [&reason](const std::string& why) {
    if (reason.empty()) reason = why;
  };
  std::vector<Bytes> read = {contest.x.download()};
  if (contest.residual != nullptr) read.push_back(contest.residual->download());
  for (const std::shared_ptr<const Form>& form : forms_of(contest)) {
    object(refusal_of([&] {
      Choice choice{.last = search.engines};
      choice.spoilt = spoilt_engines(search.trial, contest.problem, form->epilogue, choice);
      const ConvEngines engines = search.cudnn->engines(contest.problem, form->epilogue, choice);
      right.offered += engines.offered;
      if (engines.ready.empty() && !engines.left_out.empty()) object(engines.left_out.front());
      std::size_t bytes = 0;
      for (const ConvEngine& engine : engines.ready) {
        if (engine.workspace_bytes <= kMostWorkspace)
          bytes = std::max(bytes, engine.workspace_bytes);
      }
      const auto workspace = std::make_shared<const DeviceBuffer>(bytes);
      Bytes y;
      for (const ConvEngine& engine : engines.ready) {
        if (right.all.size() == most) return;
        RightEngine tried = entrant(contest, form, engine, workspace);
        const std::string objection = engine.workspace_bytes > kMostWorkspace
                                          ? "wants a workspace of more than 4 GiB"
                                          : objection_to(tried.step, read, y);
        if (!objection.empty()) {
          object(tried.step.kernel + ": " + objection);
        } else {
          right.all.push_back(std::move(tried));
        }
      }
    }));
    if (right.all.size() == most) return right;
  }
  if (!right.all.empty()) return right;
  throw harness::Error(
      ErrorCode::unsupported,
      (right.offered == 0 ? "" : "no engine of cuDNN gives a right result: ") + reason);
}

}  // namespace foldconv::cudnn
