#include "measure.hpp"

#include <cuemu.h>

#include <memory>
#include <span>
#include <utility>

namespace foldconv::tool {
namespace {

Traffic read_traffic() {
  cuemu_counters counters{};
  if (cuemu_read_counters(&counters) == 0) return {};
  Traffic traffic{
      .launches = counters.launches,
      .dram_bytes = counters.global_load.unique_bytes + counters.global_store.unique_bytes,
      .mma_instructions = counters.mma_instructions,
      .mma_flops = counters.mma_flops,
      .fma_flops = counters.fma_flops};
  for (const cuemu_shared_traffic* shared :
       {&counters.shared_load, &counters.shared_store, &counters.ldmatrix, &counters.stmatrix,
        &counters.async_copy}) {
    traffic.shared_wavefronts += shared->wavefronts;
    traffic.ideal_shared_wavefronts += shared->ideal_wavefronts;
  }
  return traffic;
}

Status time_on_gpu(const std::vector<Implementation>& implementations, std::size_t l2_bytes,
                   std::vector<Measured>& measured) {
  std::vector<Launches> work;
  std::vector<Measured*> timed;
  for (std::size_t i = 0; i < implementations.size(); ++i) {
    if (!measured[i].wrong.empty()) continue;
    timed.push_back(&measured[i]);
    work.emplace_back([&steps = implementations[i].steps](cudaStream_t stream) {
      for (const Step& step : steps) {
        if (Status status = step.launch(stream); !status) return status;
      }
      return Status();
    });
  }
  if (work.empty()) return {};
  Result<std::vector<Timing>> timings = time_interleaved(work, l2_bytes);
  if (!timings) return timings.status();
  for (std::size_t i = 0; i < timed.size(); ++i) timed[i]->timing = (*timings)[i];
  return {};
}

}  // namespace

Status check(const Workload& workload, const Implementation& implementation,
             const DeviceTensors& tensors, Measured& measured) {
  if (Status status = tensors.y.poison(); !status) return status;
  std::vector<float> before;
  for (const Step& step : implementation.steps) {
    cuemu_reset_counters();
    if (Status status = step.launch(nullptr); !status) return status;
    Status status = cuda_status(cudaDeviceSynchronize(), "running " + step.what);
    if (!status) return status;
    measured.traffic.push_back(read_traffic());

    Result<std::vector<std::byte>> y = tensors.y.download();
    if (!y) return y.status();
    const Verdict verdict = judge(workload, step.expected(before), *y);
    if (!verdict.pass) {
      measured.wrong = implementation.name + ", " + step.what + ": " + verdict.reason;
      return {};
    }
    const auto images = static_cast<std::size_t>(workload.problem.n);
    const auto distinct = static_cast<std::size_t>(workload.distinct);
    before = reference::decode(workload.problem.dtype,
                               std::span(*y).first(y->size() / images * distinct));
  }
  Result<bool> intact = tensors.y.intact();
  if (!intact) return intact.status();
  if (!*intact) measured.wrong = implementation.name + ": wrote outside of y";
  return {};
}

Traffic Measured::total() const {
  Traffic sum;
  for (const Traffic& launch : traffic) sum += launch;
  return sum;
}

Result<std::vector<Measured>> measure(const ConvProblem& problem, const Options& options,
                                      const Device& device, Progress& progress) {
  if (Status status = foldconv::validate(problem); !status) return status;
  const Workload workload = make_workload(problem, options);
  Result<std::unique_ptr<DeviceTensors>> tensors = DeviceTensors::create(workload);
  if (!tensors) return tensors.status();
  Result<std::vector<Implementation>> implementations =
      make_implementations(workload, **tensors, options.kernel);
  if (!implementations) return implementations.status();

  std::vector<Measured> all;
  for (const Implementation& implementation : *implementations) {
    progress.doing("checking " + implementation.name + " (" + implementation.kernel + ")");
    Measured measured;
    measured.implementation = implementation.name;
    measured.kernel = implementation.kernel;
    measured.launches = implementation.steps.size();
    if (Status status = check(workload, implementation, **tensors, measured); !status) {
      return status;
    }
    if (device.emulated) {
      const GpuModel& model = choose_model(options.model, device.architecture);
      measured.floor = floor_time(model, measured.traffic);
    }
    all.push_back(std::move(measured));
  }
  if (!device.emulated) {
    progress.doing("timing");
    if (Status status = time_on_gpu(*implementations, device.l2_bytes, all); !status) {
      return status;
    }
  }
  return all;
}

}  // namespace foldconv::tool
