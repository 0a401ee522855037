#include "measure/measure.hpp"

#include <memory>
#include <utility>

#include "compute/block_implementations.hpp"
#include "compute/cudnn_implementations.hpp"
#include "compute/selection.hpp"
#include "measure/launch_counts.hpp"

namespace foldconv::tool {
namespace {

// What cannot be captured goes without times, so that the others keep theirs.
Status time_on_gpu(const std::vector<Implementation>& implementations, const Options& options,
                   const Device& device, std::vector<Measured>& measured) {
  std::vector<Launches> work;
  std::vector<Measured*> timed;
  for (std::size_t i = 0; i < implementations.size(); ++i) {
    if (!measured[i].right()) continue;
    const Launches all = [&steps = implementations[i].steps](cudaStream_t stream) {
      for (const Step& step : steps) {
        if (Status status = step.launch(stream); !status) return status;
      }
      return Status();
    };
    if (const Status captured = check_capture(all); !captured) {
      measured[i].untimed = captured.message();
      continue;
    }
    timed.push_back(&measured[i]);
    work.push_back(all);
  }
  if (work.empty()) return {};
  Result<std::vector<Timings>> timings =
      time_interleaved(work, {.cold = options.l2 != L2::warm,
                              .warm = options.l2 != L2::cold,
                              .l2_bytes = device.l2_bytes,
                              .limits = {.seconds = options.seconds}});
  if (!timings) return timings.status();
  for (std::size_t i = 0; i < timed.size(); ++i) timed[i]->timings = (*timings)[i];
  return {};
}

// Runs the step; appends what each of its launches did where the emulator can tell.
Status run(const Step& step, const Device& device, std::vector<Traffic>& traffic) {
  if (device.emulated) {
    Result<std::vector<Traffic>> counted = count_launches(step.launch);
    if (!counted) return counted.status();
    traffic.insert(traffic.end(), counted->begin(), counted->end());
    return {};
  }
  if (Status status = step.launch(nullptr); !status) return status;
  return cuda_status(cudaDeviceSynchronize(), "running " + step.what);
}

// Those of `all` that are asked for, and cuDNN's.
template <class Problem>
Result<std::vector<Implementation>> chosen(std::vector<Implementation> all, const Problem& workload,
                                           const Options& options, const Device& device,
                                           CudnnTensors& tensors, Progress& progress) {
  all = selected(std::move(all), options);
  const std::vector<std::string> names = wanted_of_cudnn(options);
  if (!names.empty()) {
    progress.doing("cuDNN's engines");
    const Result<cudnn::Session>& session = cudnn_session();
    const auto search = [&]() -> Result<CudnnSearch> {
      if (!session) return session.status();
      return cudnn_search(*session, options.cudnn_engines, device.l2_bytes);
    }();
    for (Implementation& one : cudnn_implementations(search, names, workload, tensors)) {
      all.push_back(std::move(one));
    }
  }
  if (!all.empty()) return all;
  return Status(ErrorCode::invalid_argument,
                "--impl lists no way to compute this; layers have fused, chain, unfused, blocks "
                "planned, whole, tails, chain, separate, both cudnn and cudnn-unfused");
}

}  // namespace

Status check(const Implementation& implementation, const Device& device, Measured& measured) {
  for (const DeviceBuffer* buffer : implementation.buffers) {
    if (Status status = buffer->poison(); !status) return status;
  }
  for (const Step& step : implementation.steps) {
    std::vector<Step::Tensor> read;
    for (const DeviceBuffer* buffer : step.reads) {
      Result<Step::Tensor> content = buffer->download();
      if (!content) return content.status();
      read.push_back(std::move(*content));
    }
    Status status = run(step, device, measured.traffic);
    if (!status) return status;
    Result<Step::Tensor> written = step.writes->download();
    if (!written) return written.status();
    const Verdict verdict = step.judge(read, *written);
    if (!verdict.pass) {
      measured.wrong = implementation.name + ", " + step.what + ": " + verdict.reason;
      return {};
    }
  }
  for (const DeviceBuffer* buffer : implementation.buffers) {
    Result<bool> intact = buffer->intact();
    if (!intact) return intact.status();
    if (!*intact) measured.wrong = implementation.name + ": wrote outside of its tensors";
  }
  return {};
}

Traffic Measured::total() const {
  Traffic sum;
  for (const Traffic& launch : traffic) sum += launch;
  return sum;
}

Result<std::vector<Measured>> measure(const std::vector<Implementation>& implementations,
                                      const std::vector<Work>& works, const Options& options,
                                      const Device& device, const Roofs& roofs,
                                      Progress& progress) {
  std::vector<Measured> all;
  for (const Implementation& implementation : implementations) {
    progress.doing("checking " + implementation.name + " (" + implementation.kernel + ")");
    Measured measured;
    measured.implementation = implementation.name;
    measured.kernel = implementation.kernel;
    measured.planned = implementation.planned;
    measured.refusal = implementation.refusal;
    measured.work = works[all.size()];
    for (const Step& step : implementation.steps) measured.launches += step.launches;
    if (Status status = check(implementation, device, measured); !status) return status;
    if (device.emulated) {
      const GpuModel& model = choose_model(options.model, device.architecture);
      measured.floor = floor_time(model, measured.traffic);
    } else {
      measured.floor = floor_of(measured.work, roofs);
    }
    all.push_back(std::move(measured));
  }
  if (!device.emulated) {
    progress.doing("timing");
    if (Status status = time_on_gpu(implementations, options, device, all); !status) return status;
  }
  return all;
}

Result<std::vector<Measured>> measure(const ConvProblem& problem, const Options& options,
                                      const Device& device, const Roofs& roofs,
                                      Progress& progress) {
  if (Status status = foldconv::validate(problem); !status) return status;
  const Workload workload = make_workload(problem, options);
  Result<std::unique_ptr<DeviceTensors>> tensors = DeviceTensors::create(workload);
  if (!tensors) return tensors.status();
  Result<std::vector<Implementation>> implementations =
      make_implementations(workload, **tensors, options.kernel);
  if (!implementations) return implementations.status();
  CudnnTensors of_cudnn;
  implementations =
      chosen(std::move(*implementations), workload, options, device, of_cudnn, progress);
  if (!implementations) return implementations.status();
  const std::vector<Work> works =
      works_of(*implementations, problem, workload.batch_norm().has_value());
  return measure(*implementations, works, options, device, roofs, progress);
}

Result<std::vector<Measured>> measure(const BlockWorkload& workload, const Options& options,
                                      const Device& device, const Roofs& roofs,
                                      Progress& progress) {
  Result<std::vector<Block>> blocks = create_blocks(workload);
  if (!blocks) return blocks.status();
  const Result<BlockPlan> planned = plan_blocks(*blocks, workload.problem, BlockCut::automatic);
  if (!planned) return planned.status();
  progress.doing("its convolutions one by one");
  Result<BlockReference> reference = reference_of(workload, *blocks);
  if (!reference) return reference.status();
  BlockTensors tensors;
  Result<std::vector<Implementation>> implementations =
      make_block_implementations(workload, *blocks, *reference, tensors);
  if (!implementations) return implementations.status();
  CudnnTensors of_cudnn;
  implementations =
      chosen(std::move(*implementations), workload, options, device, of_cudnn, progress);
  if (!implementations) return implementations.status();
  const std::vector<Work> works = works_of(*implementations, workload, planned->explanation());
  return measure(*implementations, works, options, device, roofs, progress);
}

}  // namespace foldconv::tool
