// SPDX-License-Identifier: MIT
#include "cudnn/contest.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "cudnn/operands.hpp"
#include "harness/error.hpp"
#include "harness/ways/steps.hpp"

namespace foldconv::cudnn {
namespace {

using harness::Bytes;
using harness::DeviceBuffer;
using harness::Step;

constexpr std::size_t kMostWorkspace = std::size_t{4} << 30;

// The oracle's answer for what was read last: all engines read the same, and so does the step.
harness::ExpectedConv remembered(harness::ExpectedConv expected) {
  struct Last {
    std::vector<float> x, residual;
    oracle::Expected expected;
  };
  return [expected = std::move(expected), last = std::make_shared<std::optional<Last>>()](
             std::vector<float> x, std::vector<float> residual) {
    if (!*last || (*last)->x != x || (*last)->residual != residual) {
      oracle::Expected now = expected(x, residual);
      *last = {std::move(x), std::move(residual), std::move(now)};
    }
    return (*last)->expected;
  };
}

class Referee {
 public:
  explicit Referee(const DeviceBuffer& y) : y_(y) {}

  // Why the engine is out; "": it is not. Sets how many launches it takes. Throws errors after which nothing
  // can run. `form`: engines of one form must compute the same.
  std::string objection(Step& step, std::size_t form) {
    y_.poison();
    try {
      step.launch(nullptr);
    } catch (const harness::Error& error) {
      return error.what();
    }
    harness::check(cudaDeviceSynchronize(), "running " + step.what);
    Bytes y = y_.download();
    // Many engines give the same bits, and judging a large batch takes longer than comparing it.
    if (judged_form_ != form || y != judged_) {
      if (read_.empty()) {
        for (const DeviceBuffer* buffer : step.reads) read_.push_back(buffer->download());
      }
      const harness::Verdict verdict = step.judge(read_, y);
      if (!verdict.pass) return verdict.reason;
      judged_form_ = form;
      judged_ = std::move(y);
    }
    try {
      const harness::Stream stream = harness::make_stream();
      const harness::Graph graph = harness::captured(stream.get(), step.launch);
      harness::instantiated(graph);
      step.launches = std::max<std::size_t>(harness::nodes_of(graph).size(), 1);
    } catch (const harness::Error& error) {
      return std::string("cannot be part of a CUDA graph: ") + error.what();
    }
    return "";
  }

 private:
  const DeviceBuffer& y_;
  std::vector<Bytes> read_;
  std::optional<std::size_t> judged_form_;
  Bytes judged_;  // right
};

// Those that are fit to run; left_out has the others and why.
ConvEngines fit_engines(const Search& search, const Operands& operands) {
  Choice choice{.last = search.engines};
  choice.spoilt = spoilt_engines(search.trial, operands.problem, operands.epilogue, choice);
  return search.cudnn->engines(operands.problem, operands.epilogue, choice);
}

struct Candidates {
  struct One {
    std::size_t form;  // of the parameters
    RightEngine engine;
  };
  std::vector<One> all;
  std::size_t offered = 0;
  std::string reason;  // why the first that is out is out

  void object(const std::string& why) {
    if (reason.empty()) reason = why;
  }
};

Candidates candidates_of(const Search& search, const Contest& contest) {
  Candidates candidates;
  const auto workspace = std::make_shared<DeviceBuffer>();  // of all: they run one after the other
  std::size_t workspace_bytes = 0;
  const std::vector<Operands> forms = operands_of(contest.problem, contest.folded, contest.exact);
  for (std::size_t form = 0; form < forms.size(); ++form) {
    const Operands& operands = forms[form];
    const harness::ExpectedConv expected = remembered(
        [operands, distinct = contest.distinct](std::vector<float> x, std::vector<float> residual) {
          return operands.expected(distinct, std::move(x), std::move(residual));
        });
    try {
      const ConvEngines engines = fit_engines(search, operands);
      candidates.offered += engines.offered;
      if (engines.ready.empty() && !engines.left_out.empty()) {
        candidates.object(engines.left_out.front());
      }
      for (const ConvEngine& engine : engines.ready) {
        if (engine.workspace_bytes > kMostWorkspace) {
          candidates.object(engine.name + ": wants a workspace of more than 4 GiB");
          continue;
        }
        workspace_bytes = std::max(workspace_bytes, engine.workspace_bytes);
        const std::string name = operands.name_of(engine);
        const auto launch = [operands, engine, workspace, &x = contest.x,
                             residual = contest.residual, &y = contest.y](cudaStream_t stream) {
          operands.run(engine, x, residual, y, workspace->data(), stream);
        };
        candidates.all.push_back(
            {form,
             {name, operands.values,
              harness::conv_step(contest.problem, contest.distinct, "cuDNN's " + name, contest.x,
                                 contest.residual, contest.y, expected, launch,
                                 harness::Copies::within_bound)}});
      }
    } catch (const harness::Error& error) {
      if (error.code() != ErrorCode::unsupported) throw;
      candidates.object(error.what());
    }
  }
  *workspace = DeviceBuffer(workspace_bytes);
  return candidates;
}

}  // namespace

RightEngines right_engines(const Search& search, const Contest& contest, std::size_t most) {
  Candidates candidates = candidates_of(search, contest);
  RightEngines right{.all = {}, .offered = candidates.offered};
  Referee referee(contest.y);
  for (auto& [form, engine] : candidates.all) {
    if (right.all.size() == most) break;
    const std::string objection = referee.objection(engine.step, form);
    if (objection.empty()) {
      right.all.push_back(std::move(engine));
    } else {
      candidates.object(engine.name + ": " + objection);
    }
  }
  if (!right.all.empty()) return right;
  throw harness::Error(
      ErrorCode::unsupported,
      (right.offered == 0 ? "" : "no engine of cuDNN gives a right result: ") + candidates.reason);
}

}  // namespace foldconv::cudnn
