// SPDX-License-Identifier: MIT
#include "cudnn/cudnn.hpp"

#include <algorithm>
#include <utility>

#include "harness/error.hpp"
#include "harness/time/timing.hpp"
#include "harness/ways/library.hpp"
#include "harness/ways/steps.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::cudnn {
namespace {

using harness::Step;
using harness::Tensor;
using harness::Tensors;
using harness::Way;

constexpr double kSecondsToChoose = 0.2;

std::size_t fastest_of(const std::vector<RightEngine>& engines, std::size_t l2_bytes) {
  if (engines.size() == 1) return 0;
  std::vector<harness::Launch> work;
  for (const RightEngine& engine : engines) work.push_back(engine.step.launch);
  const std::vector<harness::Timings> timings = harness::time_interleaved(
      work, {.warm = false, .l2_bytes = l2_bytes, .limits = {.seconds = kSecondsToChoose}});
  const auto best = std::ranges::min_element(
      timings, {}, [](const harness::Timings& one) { return one.cold->seconds; });
  return static_cast<std::size_t>(best - timings.begin());
}

// The contest's winner.
Step winner(const Search& search, const Contest& contest) {
  RightEngines right = right_engines(search, contest);
  Step& best = right.all[fastest_of(right.all, search.l2_bytes)].step;
  best.kernel +=
      "(" + std::to_string(right.all.size()) + "_of_" + std::to_string(right.offered) + ")";
  harness::run_step(best);  // y is left as the step will leave it: the next convolution reads it
  return std::move(best);
}

// Calls with these arguments and a stream. Has run once when it is returned, so that what cuDNN refuses is
// an error here.
template <class Call, class... Arguments>
harness::Launch launch_of(const Call& call, const Arguments&... arguments) {
  const harness::Launch launch = [=](cudaStream_t stream) { call(arguments..., stream); };
  launch(nullptr);
  harness::check(cudaDeviceSynchronize(), "running cuDNN");
  return launch;
}

Way fused(const Search& search, const harness::Problem& problem, Tensors& tensors) {
  return harness::fused_way(
      "cudnn", problem, tensors,
      [&](const harness::LineConv& conv, const Tensor& x, const Tensor* residual, const Tensor& y) {
        return winner(search, {conv.problem, harness::folded(conv), x, residual, y});
      });
}

Way separate(const Search& search, const harness::Problem& problem, Tensors& tensors) {
  const auto calls = [&search](const Tensor& y, const Activation& activation = Activation::none) {
    return search.cudnn->calls(y.images.dtype, y.images.shape, activation);
  };
  harness::SingleSteps steps;
  steps.others = true;
  steps.conv = [&](const harness::LineConv& conv, const ConvProblem& alone, const Tensor& x,
                   const Tensor& y) {
    return winner(search, {alone, harness::unfolded(conv), x, nullptr, y});
  };
  steps.batch_norm = [&](const pointwise::BatchNormArrays& arrays, const Tensor& x,
                         const Tensor& y) {
    return launch_of(calls(y).batch_norm, x.data(), arrays, y.data());
  };
  steps.add = [&](const Tensor& z, const Tensor& y) {
    return launch_of(calls(y).add, z.data(), y.data());
  };
  steps.activate = [&](const Activation& activation, const Tensor& y) {
    return launch_of(calls(y, activation).activate, y.data());
  };
  return harness::separate_way("cudnn-separate", problem, tensors, steps);
}

}  // namespace

const Search& installed() {
  static const Search search = [] {
    Search made;
    made.reason = refusal_of([&made] {
      made.cudnn = open();
      made.trial = own_process();
    });
    return made;
  }();
  return search;
}

std::vector<harness::WayMaker> ways(const std::function<Search()>& search) {
  const auto maker = [&search](const std::string& name, const std::string& help, auto make) {
    return harness::WayMaker{
        .names = {name},
        .help = name + " (" + help + ")",
        .make = [search, name, make](const harness::Problem& problem, Tensors& tensors,
                                     const harness::Wanted& wanted) -> std::vector<Way> {
          if (!wanted(name)) return {};
          const Search found = search();
          std::vector<Way> made = {{.name = name, .refusal = found.reason}};
          if (found.cudnn == nullptr) return made;
          made[0].refusal = refusal_of([&] { made[0] = make(found, problem, tensors); });
          return made;
        }};
  };
  return {maker("cudnn", "each convolution with all behind it as one graph of cuDNN", fused),
          maker("cudnn-separate", "cuDNN's convolutions and single calls", separate)};
}

}  // namespace foldconv::cudnn
