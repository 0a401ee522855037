// SPDX-License-Identifier: MIT
#include "harness/ways/way.hpp"

#include <algorithm>
#include <utility>

#include "harness/error.hpp"

namespace foldconv::harness {

Work work_of(const ConvProblem& problem) {
  const LaunchCost cost = least_cost(problem);
  return {.bytes = cost.dram_bytes, .flops = cost.flops};
}

Work least_work(const Problem& problem) {
  const auto convs = problem.convs();
  if (!problem.blocks) return work_of(convs.front()->problem);
  auto bytes = static_cast<double>(problem.input().bytes() + problem.output().bytes());
  for (const LineConv* conv : convs) {
    const ConvProblem& p = conv->problem;
    bytes += static_cast<double>(size_of(p.dtype)) * p.k * p.r * p.s * p.c / p.groups;
  }
  return {.bytes = bytes, .flops = problem.flops()};
}

std::size_t Way::launches() const {
  std::size_t sum = 0;
  for (const Step& step : steps) sum += step.launches;
  return sum;
}

Work Way::work() const {
  Work sum;
  for (const Step& step : steps) {
    sum.bytes += step.work.bytes;
    sum.flops += step.work.flops;
  }
  return sum;
}

std::vector<LaunchCost> Way::costs() const {
  std::vector<LaunchCost> all;
  for (const Step& step : steps) all.insert(all.end(), step.costs.begin(), step.costs.end());
  return all;
}

Tensors::Tensors(const Problem& problem) : x_(allocate(problem.input())) {
  x_.upload(x_.images.encode(problem.x));
  if (problem.residual.empty()) return;
  residual_ = &allocate(problem.output());
  residual_->upload(residual_->images.encode(problem.residual));
}

std::vector<Way> make_ways(const std::vector<WayMaker>& makers, const Problem& problem,
                           Tensors& tensors, const Wanted& wanted) {
  std::vector<Way> all;
  for (const WayMaker& maker : makers) {
    if (std::ranges::none_of(maker.names, wanted)) continue;
    for (Way& way : maker.make(problem, tensors, wanted)) all.push_back(std::move(way));
  }
  return all;
}

void run_step(const Step& step) {
  step.launch(nullptr);
  check(cudaDeviceSynchronize(), "running " + step.what);
}

Checked check(const Way& way, const CheckOptions& options) {
  Checked checked;
  std::vector<const DeviceBuffer*> written;
  for (const Step& step : way.steps) {
    written.push_back(step.writes);
    if (step.workspace != nullptr) written.push_back(step.workspace);
  }
  for (const DeviceBuffer* buffer : written) buffer->poison();
  for (const Step& step : way.steps) {
    checked.read.clear();
    if (options.judged) {
      for (const Tensor* tensor : step.reads) checked.read.push_back(tensor->download());
    }
    options.run(step);
    checked.y = step.writes->download();
    if (!options.judged) continue;
    const Verdict verdict = step.judge(checked.read, checked.y);
    merge(checked.worst, verdict);
    if (verdict.pass) continue;
    checked.wrong = way.name + ", " + step.what + ": " + verdict.reason;
    return checked;
  }
  checked.in_bounds = std::ranges::all_of(written, &DeviceBuffer::intact);
  if (!checked.in_bounds) checked.wrong = way.name + ": wrote outside of its tensors";
  return checked;
}

}  // namespace foldconv::harness
