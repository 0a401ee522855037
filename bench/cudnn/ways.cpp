// SPDX-License-Identifier: MIT
#include "cudnn/ways.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "harness/error.hpp"
#include "harness/oracle/any_order.hpp"
#include "harness/time/timing.hpp"
#include "harness/ways/library.hpp"
#include "harness/ways/steps.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::cudnn {
namespace {

using harness::Bytes;
using harness::Copies;
using harness::DeviceBuffer;
using harness::Images;
using harness::Step;
using harness::Tensors;
using harness::Way;

constexpr double kSecondsToChoose = 0.2;
constexpr std::size_t kMostWorkspace = std::size_t{4} << 30;

// The oracle's answer for what was read last: all engines read the same, and so does the step.
class KnownExpected {
 public:
  explicit KnownExpected(Operands operands, int distinct)
      : operands_(std::move(operands)), distinct_(distinct) {}

  const oracle::Expected& of(std::vector<float> x, std::vector<float> residual) {
    if (!known_ || x != x_ || residual != residual_) {
      expected_ = operands_.expected(distinct_, x, residual);
      x_ = std::move(x);
      residual_ = std::move(residual);
      known_ = true;
    }
    return expected_;
  }

 private:
  Operands operands_;
  int distinct_;
  bool known_ = false;
  std::vector<float> x_, residual_;
  oracle::Expected expected_;
};

// An engine of one form of the parameters, as a step.
struct Candidate {
  std::string name;
  std::size_t form = 0;
  Step step;
};

// The engines for one convolution, against each other.
class Contest {
 public:
  Contest(const Search& search, const ConvProblem& problem, const FoldedConv& folded, int distinct,
          const DeviceBuffer& x, const DeviceBuffer* residual, const DeviceBuffer& y)
      : search_(search), problem_(problem), distinct_(distinct), x_(x), residual_(residual), y_(y) {
    forms_ = operands_of(problem, parameters_of(folded));
  }

  Step run(Tensors& tensors, Way& way) {
    gather(tensors);
    std::vector<Candidate> right;
    for (Candidate& candidate : candidates_) {
      if (try_out(candidate)) right.push_back(candidate);
    }
    if (right.empty()) {
      throw harness::Error(
          ErrorCode::unsupported,
          offered_ == 0 ? reason_ : "no engine of cuDNN gives a right result: " + reason_);
    }
    const Candidate& best = right[fastest_of(right)];
    way.kernels += (way.kernels.empty() ? "" : " ") + best.name + "(" +
                   std::to_string(right.size()) + "_of_" + std::to_string(offered_) + ")";
    harness::run_step(
        best.step);  // y is left as the step will leave it: the next convolution reads it
    return best.step;
  }

 private:
  void gather(Tensors& tensors) {
    std::size_t workspace = 0;
    std::vector<std::pair<std::size_t, ConvEngine>> ready;
    for (std::size_t form = 0; form < forms_.size(); ++form) {
      try {
        const ConvEngines engines = fit_engines(search_, forms_[form]);
        offered_ += engines.offered;
        if (engines.ready.empty() && !engines.left_out.empty()) object(engines.left_out.front());
        for (const ConvEngine& engine : engines.ready) {
          if (engine.workspace_bytes > kMostWorkspace) {
            object(engine.name + ": wants a workspace of more than 4 GiB");
            continue;
          }
          workspace = std::max(workspace, engine.workspace_bytes);
          ready.emplace_back(form, engine);
        }
      } catch (const harness::Error& error) {
        if (error.code() != ErrorCode::unsupported) throw;
        object(error.what());
      }
    }
    const DeviceBuffer& memory = tensors.allocate(workspace);
    for (const auto& [form, engine] : ready) candidates_.push_back(candidate(form, engine, memory));
  }

  Candidate candidate(std::size_t form, const ConvEngine& engine, const DeviceBuffer& workspace) {
    const Operands& operands = forms_[form];
    while (expected_.size() <= form) {
      expected_.push_back(std::make_shared<KnownExpected>(forms_[expected_.size()], distinct_));
    }
    const std::string name = operands.name_of(engine);
    Step step = harness::conv_step(
        problem_, distinct_, "cuDNN's " + name, x_, residual_, y_,
        [known = expected_[form]](std::vector<float> x, std::vector<float> residual) {
          return known->of(std::move(x), std::move(residual));
        },
        [operands, engine, &x = x_, residual = residual_, &y = y_, memory = workspace.data()](
            cudaStream_t stream) { operands.run(engine, x, residual, y, memory, stream); },
        Copies::within_bound);
    return {name, form, std::move(step)};
  }

  void object(const std::string& why) {
    if (reason_.empty()) reason_ = why;
  }

  // An engine that refuses is left out. Throws errors after which nothing can run.
  bool try_out(Candidate& candidate) {
    y_.poison();
    try {
      candidate.step.launch(nullptr);
    } catch (const harness::Error& error) {
      object(candidate.name + ": " + error.what());
      return false;
    }
    harness::check(cudaDeviceSynchronize(), "running " + candidate.step.what);
    Bytes y = y_.download();
    // Many engines give the same bits, and judging a large batch takes longer than comparing it.
    if (judged_form_ != candidate.form || y != judged_) {
      if (read_.empty()) {
        for (const DeviceBuffer* buffer : candidate.step.reads) read_.push_back(buffer->download());
      }
      const harness::Verdict verdict = candidate.step.judge(read_, y);
      if (!verdict.pass) {
        object(candidate.name + ": " + verdict.reason);
        return false;
      }
      judged_form_ = candidate.form;
      judged_ = std::move(y);
    }
    try {
      const harness::Stream stream = harness::make_stream();
      const harness::Graph graph = harness::captured(stream.get(), candidate.step.launch);
      harness::instantiated(graph);
      candidate.step.launches = std::max<std::size_t>(harness::nodes_of(graph).size(), 1);
    } catch (const harness::Error& error) {
      object(candidate.name + ": cannot be part of a CUDA graph: " + error.what());
      return false;
    }
    return true;
  }

  std::size_t fastest_of(const std::vector<Candidate>& right) const {
    if (right.size() == 1) return 0;
    std::vector<harness::Launch> work;
    for (const Candidate& candidate : right) work.push_back(candidate.step.launch);
    const std::vector<harness::Timings> timings = harness::time_interleaved(
        work,
        {.warm = false, .l2_bytes = search_.l2_bytes, .limits = {.seconds = kSecondsToChoose}});
    const auto best = std::ranges::min_element(
        timings, {}, [](const harness::Timings& one) { return one.cold->seconds; });
    return static_cast<std::size_t>(best - timings.begin());
  }

  const Search& search_;
  const ConvProblem& problem_;
  int distinct_;
  const DeviceBuffer& x_;
  const DeviceBuffer* residual_;
  const DeviceBuffer& y_;
  std::vector<Operands> forms_;
  std::vector<std::shared_ptr<KnownExpected>> expected_;  // of each form
  std::vector<Candidate> candidates_;
  std::size_t offered_ = 0;
  std::string reason_;  // why the first that is out is out
  std::vector<Bytes> read_;
  std::optional<std::size_t> judged_form_;
  Bytes judged_;  // right
};

// Has run once when it is returned, so that what cuDNN refuses is an error here.
Step ran_once(Step step) {
  harness::run_step(step);
  return step;
}

Way fused(const Search& search, const harness::Problem& problem, Tensors& tensors) {
  return harness::fused_way("cudnn", problem, tensors,
                            [&](const harness::LineConv& conv, const DeviceBuffer& x,
                                const DeviceBuffer* residual, const DeviceBuffer& y, Way& way) {
                              return Contest(search, conv.problem, harness::folded(conv),
                                             problem.distinct, x, residual, y)
                                  .run(tensors, way);
                            });
}

Way separate(const Search& search, const harness::Problem& problem, Tensors& tensors) {
  const auto calls = [&search](const Images& images, const Activation& activation) {
    return search.cudnn->calls(images.dtype, images.shape, activation);
  };
  return harness::separate_way(
      "cudnn-separate", problem, tensors,
      {.conv =
           [&](const harness::LineConv& conv, const ConvProblem& alone, const DeviceBuffer& x,
               const DeviceBuffer& y, Way& way) {
             return Contest(search, alone, harness::unfolded(conv), problem.distinct, x, nullptr, y)
                 .run(tensors, way);
           },
       .batch_norm =
           [&](const Images& images, const BatchNorm& batch_norm, const DeviceBuffer& x,
               const DeviceBuffer& y) {
             const harness::DeviceBatchNorm on_device = harness::upload(batch_norm, tensors);
             const auto array = [](const DeviceBuffer* one) {
               return static_cast<const float*>(one->data());
             };
             const pointwise::BatchNormArrays arrays = {
                 array(on_device.gamma), array(on_device.beta), array(on_device.mean),
                 array(on_device.variance), on_device.eps};
             return ran_once(harness::batch_norm_step(
                 images, batch_norm, x, y,
                 [run = calls(images, Activation::none).batch_norm, arrays, from = x.data(),
                  to = y.data()](cudaStream_t stream) { run(from, arrays, to, stream); },
                 Copies::within_bound));
           },
       .add =
           [&](const Images& images, const DeviceBuffer& z, const DeviceBuffer& y) {
             return ran_once(harness::add_step(
                 images, z, y,
                 [run = calls(images, Activation::none).add, from = z.data(),
                  at = y.data()](cudaStream_t stream) { run(from, at, stream); },
                 Copies::within_bound));
           },
       .activation =
           [&](const Images& images, const Activation& activation, const DeviceBuffer& y) {
             return ran_once(harness::activation_step(
                 images, activation, y,
                 [run = calls(images, activation).activate, at = y.data()](cudaStream_t stream) {
                   run(at, stream);
                 },
                 Copies::within_bound,
                 [dtype = images.dtype, activation](const std::vector<float>& x,
                                                    oracle::Expected& expected) {
                   oracle::allow_approximate_activation({.dtype = dtype, .activation = activation},
                                                        std::vector<double>(x.begin(), x.end()),
                                                        expected);
                 }));
           },
       .in_place = false});
}

}  // namespace

ConvEngines fit_engines(const Search& search, const Operands& operands) {
  Choice choice{.last = search.engines};
  choice.spoilt = spoilt_engines(search.trial, operands.problem, operands.epilogue, choice);
  return search.cudnn->engines(operands.problem, operands.epilogue, choice);
}

std::vector<harness::WayMaker> ways(const Search& search) {
  const auto maker = [&search](const std::string& name, const std::string& help, auto make) {
    return harness::WayMaker{
        .names = {name},
        .help = name + " (" + help + ")",
        .make = [search, name, make](const harness::Problem& problem, Tensors& tensors,
                                     const harness::Wanted& wanted) -> std::vector<Way> {
          if (!wanted(name)) return {};
          if (search.cudnn == nullptr) return {{.name = name, .refusal = search.reason}};
          try {
            return {make(search, problem, tensors)};
          } catch (const harness::Error& error) {
            if (error.code() != ErrorCode::unsupported) throw;
            return {{.name = name, .refusal = error.what()}};
          }
        }};
  };
  return {maker("cudnn", "each convolution with all behind it as one graph of cuDNN", fused),
          maker("cudnn-separate", "cuDNN's convolutions and single calls", separate)};
}

}  // namespace foldconv::cudnn
