#include "measure/timing.hpp"

#include <algorithm>
#include <cmath>

#include "compute/device_buffer.hpp"
#include "measure/cuda_objects.hpp"

namespace foldconv::tool {
namespace {

constexpr std::size_t kTrialRounds = 5;
constexpr std::size_t kMinRounds = 31, kMaxRounds = 501;
constexpr double kSecondsPerProblem = 0.4;

struct Span {
  Event begin, end;
};

// `rounds` rounds as one graph; spans[round * work.size() + i] time element i.
struct Rounds {
  Executable executable;
  std::vector<Span> spans;
};

Status capture_rounds(const std::vector<Launches>& work, const DeviceBuffer& flushed,
                      cudaStream_t stream, std::vector<Span>& spans) {
  for (std::size_t i = 0; i < spans.size(); ++i) {
    // Different values each time: a GPU may skip compressible writes.
    Status status = cuda_status(
        cudaMemsetAsync(flushed.data(), static_cast<int>(i % 251), flushed.bytes(), stream),
        "flushing the L2 cache");
    if (!status) return status;
    // External: event record nodes, whose times can be read after the graph has run.
    status =
        cuda_status(cudaEventRecordWithFlags(spans[i].begin.get(), stream, cudaEventRecordExternal),
                    "recording an event");
    if (!status) return status;
    if (status = work[i % work.size()](stream); !status) return status;
    status =
        cuda_status(cudaEventRecordWithFlags(spans[i].end.get(), stream, cudaEventRecordExternal),
                    "recording an event");
    if (!status) return status;
  }
  return {};
}

Result<Rounds> make_rounds(const std::vector<Launches>& work, const DeviceBuffer& flushed,
                           cudaStream_t stream, std::size_t count) {
  Rounds rounds;
  rounds.spans.resize(count * work.size());
  for (Span& span : rounds.spans) {
    for (Event* event : {&span.begin, &span.end}) {
      Status status = cuda_status(cudaEventCreate(event->receive()), "cudaEventCreate");
      if (!status) return status;
    }
  }
  Status status = cuda_status(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
                              "cudaStreamBeginCapture");
  if (!status) return status;
  const Status captured = capture_rounds(work, flushed, stream, rounds.spans);
  Graph graph;
  status = cuda_status(cudaStreamEndCapture(stream, graph.receive()), "cudaStreamEndCapture");
  if (!captured) return captured;
  if (!status) return status;
  status = cuda_status(cudaGraphInstantiate(rounds.executable.receive(), graph.get(), 0),
                       "cudaGraphInstantiate");
  if (!status) return status;
  return rounds;
}

// Runs the rounds; result[i] holds the seconds of element i, one a round.
Result<std::vector<std::vector<double>>> run_rounds(const Rounds& rounds, std::size_t elements,
                                                    cudaStream_t stream) {
  Status status = cuda_status(cudaGraphLaunch(rounds.executable.get(), stream), "cudaGraphLaunch");
  if (!status) return status;
  status = cuda_status(cudaStreamSynchronize(stream), "running the timed kernels");
  if (!status) return status;
  std::vector<std::vector<double>> seconds(elements);
  for (std::size_t i = 0; i < rounds.spans.size(); ++i) {
    float milliseconds = 0;
    status = cuda_status(
        cudaEventElapsedTime(&milliseconds, rounds.spans[i].begin.get(), rounds.spans[i].end.get()),
        "cudaEventElapsedTime");
    if (!status) return status;
    seconds[i % elements].push_back(milliseconds * 1e-3);
  }
  return seconds;
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace

Timing summarize(std::vector<double>& seconds) {
  Timing timing{.seconds = median(seconds), .noise = 0, .samples = seconds.size()};
  std::vector<double> deviations;
  for (const double value : seconds) deviations.push_back(std::abs(value - timing.seconds));
  if (timing.seconds > 0) timing.noise = median(deviations) / timing.seconds;
  return timing;
}

Result<std::vector<Timing>> time_interleaved(const std::vector<Launches>& work,
                                             std::size_t l2_bytes) {
  Stream stream;
  Status status = cuda_status(cudaStreamCreateWithFlags(stream.receive(), cudaStreamNonBlocking),
                              "cudaStreamCreateWithFlags");
  if (!status) return status;
  Result<DeviceBuffer> flushed = DeviceBuffer::allocate(std::max<std::size_t>(2 * l2_bytes, 1));
  if (!flushed) return flushed.status();

  // The stream does not wait for what was copied on the default stream.
  status = cuda_status(cudaDeviceSynchronize(), "copying the operands");
  if (!status) return status;

  // The trial warms up clocks and caches of instructions, and tells how many rounds fit the time.
  Result<Rounds> trial = make_rounds(work, *flushed, stream.get(), kTrialRounds);
  if (!trial) return trial.status();
  Result<std::vector<std::vector<double>>> first = run_rounds(*trial, work.size(), stream.get());
  if (!first) return first.status();
  double round_seconds = 0;
  for (std::vector<double>& seconds : *first) round_seconds += median(seconds);
  const double wanted = kSecondsPerProblem / std::max(round_seconds, 1e-6);
  const std::size_t count = std::clamp(static_cast<std::size_t>(wanted), kMinRounds, kMaxRounds);

  Result<Rounds> rounds = make_rounds(work, *flushed, stream.get(), count);
  if (!rounds) return rounds.status();
  Result<std::vector<std::vector<double>>> measured =
      run_rounds(*rounds, work.size(), stream.get());
  if (!measured) return measured.status();
  std::vector<Timing> timings;
  for (std::vector<double>& seconds : *measured) timings.push_back(summarize(seconds));
  return timings;
}

}  // namespace foldconv::tool
