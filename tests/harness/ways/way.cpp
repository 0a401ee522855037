// SPDX-License-Identifier: MIT
#include "harness/ways/way.hpp"

#include <utility>

#include "harness/error.hpp"

namespace foldconv::harness {

std::size_t Way::launches() const {
  std::size_t sum = 0;
  for (const Step& step : steps) sum += step.launches;
  return sum;
}

Work Way::work() const {
  Work sum;
  for (const Step& step : steps) sum += step.work;
  return sum;
}

Tensors::Tensors(const Problem& problem) {
  x_ = &upload(problem.input().encode(problem.x));
  residual_ =
      problem.residual.empty() ? &allocate(0) : &upload(problem.output().encode(problem.residual));
}

const DeviceBuffer& Tensors::allocate(std::size_t bytes) {
  return *buffers_.emplace_back(std::make_unique<const DeviceBuffer>(bytes));
}
const DeviceBuffer& Tensors::upload(std::span<const std::byte> content) {
  return *buffers_.emplace_back(std::make_unique<const DeviceBuffer>(content));
}

std::vector<std::string> names_of(const std::vector<WayMaker>& makers) {
  std::vector<std::string> names;
  for (const WayMaker& maker : makers) {
    names.insert(names.end(), maker.names.begin(), maker.names.end());
  }
  return names;
}

std::vector<Way> make_ways(const std::vector<WayMaker>& makers, const Problem& problem,
                           Tensors& tensors, const Wanted& wanted) {
  std::vector<Way> all;
  for (const WayMaker& maker : makers) {
    for (Way& way : maker.make(problem, tensors, wanted)) all.push_back(std::move(way));
  }
  return all;
}

void run_step(const Step& step) {
  step.launch(nullptr);
  check(cudaDeviceSynchronize(), "running " + step.what);
}

namespace {

void check_bounds(const Way& way, Checked& checked) {
  checked.in_bounds = true;
  for (const DeviceBuffer* buffer : way.writes) checked.in_bounds &= buffer->intact();
  if (!checked.in_bounds) checked.wrong = way.name + ": wrote outside of its tensors";
}

}  // namespace

Checked check(const Way& way, const std::function<void(const Step&)>& run) {
  Checked checked;
  for (const DeviceBuffer* buffer : way.writes) buffer->poison();
  for (const Step& step : way.steps) {
    std::vector<Bytes> read;
    for (const DeviceBuffer* buffer : step.reads) read.push_back(buffer->download());
    if (run) {
      run(step);
    } else {
      run_step(step);
    }
    checked.y = step.writes->download();
    const Verdict verdict = step.judge(read, checked.y);
    merge(checked.worst, verdict, "");
    if (!verdict.pass) {
      checked.wrong = way.name + ", " + step.what + ": " + verdict.reason;
      return checked;
    }
  }
  check_bounds(way, checked);
  return checked;
}

Checked run_unjudged(const Way& way) {
  Checked checked;
  for (const DeviceBuffer* buffer : way.writes) buffer->poison();
  for (const Step& step : way.steps) run_step(step);
  checked.y = way.steps.back().writes->download();
  check_bounds(way, checked);
  return checked;
}

Launch launches_of(const Way& way) {
  return [&way](cudaStream_t stream) {
    for (const Step& step : way.steps) step.launch(stream);
  };
}

}  // namespace foldconv::harness
