#include "measure/timing.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "compute/device_buffer.hpp"
#include "measure/cuda_objects.hpp"

namespace foldconv::tool {
namespace {

constexpr double kWarmSampleSeconds = 100e-6, kGraphSeconds = 20e-3;
constexpr double kMostWarmRuns = 60, kMostRounds = 20;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// An element in one state of the cache.
struct Series {
  const Launches* work = nullptr;
  bool cold = true;
  int runs = 1;  // between its two events
};

struct Span {
  Event begin, end;
};

// `rounds` rounds as one graph; spans[round * series + i] time series i.
struct Rounds {
  Executable executable;
  std::vector<Span> spans;
};

Status record(const Event& event, cudaStream_t stream) {
  // External: event record nodes, whose times can be read after the graph has run.
  return cuda_status(cudaEventRecordWithFlags(event.get(), stream, cudaEventRecordExternal),
                     "recording an event");
}

Status capture_span(const Series& series, const Span& span, const DeviceBuffer& flushed,
                    int flush_value, cudaStream_t stream) {
  Status status;
  if (series.cold) {
    status = cuda_status(cudaMemsetAsync(flushed.data(), flush_value, flushed.bytes(), stream),
                         "flushing the L2 cache");
  } else {
    status = (*series.work)(stream);
  }
  if (!status) return status;
  if (status = record(span.begin, stream); !status) return status;
  for (int run = 0; run < series.runs; ++run) {
    if (status = (*series.work)(stream); !status) return status;
  }
  return record(span.end, stream);
}

// Captures what `launch` does on `stream` and makes it executable.
template <class Launch>
Result<Executable> captured(cudaStream_t stream, const Launch& launch) {
  Status status = cuda_status(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
                              "cudaStreamBeginCapture");
  if (!status) return status;
  const Status launched = launch();
  Graph graph;
  status = cuda_status(cudaStreamEndCapture(stream, graph.receive()), "cudaStreamEndCapture");
  if (!launched) return launched;
  if (!status) return status;
  Executable executable;
  status = cuda_status(cudaGraphInstantiate(executable.receive(), graph.get(), 0),
                       "cudaGraphInstantiate");
  if (!status) return status;
  return executable;
}

Result<Rounds> make_rounds(const std::vector<Series>& series, const DeviceBuffer& flushed,
                           cudaStream_t stream, std::size_t count) {
  Rounds rounds;
  rounds.spans.resize(count * series.size());
  for (Span& span : rounds.spans) {
    for (Event* event : {&span.begin, &span.end}) {
      Status status = cuda_status(cudaEventCreate(event->receive()), "cudaEventCreate");
      if (!status) return status;
    }
  }
  Result<Executable> executable = captured(stream, [&] {
    for (std::size_t i = 0; i < rounds.spans.size(); ++i) {
      // Different values each time: a GPU may skip compressible writes.
      const auto value = static_cast<int>(i % 251);
      Status status =
          capture_span(series[i % series.size()], rounds.spans[i], flushed, value, stream);
      if (!status) return status;
    }
    return Status();
  });
  if (!executable) return executable.status();
  rounds.executable = std::move(*executable);
  return rounds;
}

// Runs the rounds and appends a sample of each series for each of them.
Status run_rounds(const Rounds& rounds, const std::vector<Series>& series, cudaStream_t stream,
                  Samples& samples) {
  Status status = cuda_status(cudaGraphLaunch(rounds.executable.get(), stream), "cudaGraphLaunch");
  if (!status) return status;
  status = cuda_status(cudaStreamSynchronize(stream), "running the timed kernels");
  if (!status) return status;
  for (std::size_t i = 0; i < rounds.spans.size(); ++i) {
    float milliseconds = 0;
    status = cuda_status(
        cudaEventElapsedTime(&milliseconds, rounds.spans[i].begin.get(), rounds.spans[i].end.get()),
        "cudaEventElapsedTime");
    if (!status) return status;
    const std::size_t at = i % series.size();
    samples[at].push_back(milliseconds * 1e-3 / series[at].runs);
  }
  return {};
}

// How many runs make a warm sample, and how many rounds a graph: from one round, run twice because
// the first warms up clocks and caches of instructions.
Result<std::size_t> plan_rounds(std::vector<Series>& series, const DeviceBuffer& flushed,
                                cudaStream_t stream) {
  const Result<Rounds> trial = make_rounds(series, flushed, stream, 1);
  if (!trial) return trial.status();
  Samples samples(series.size());
  if (Status status = run_rounds(*trial, series, stream, samples); !status) return status;
  const double begin = now();
  if (Status status = run_rounds(*trial, series, stream, samples); !status) return status;
  double round_seconds = now() - begin;
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (series[i].cold) continue;
    const double seconds = std::max(samples[i].back(), 1e-7);
    series[i].runs =
        static_cast<int>(std::clamp(std::ceil(kWarmSampleSeconds / seconds), 1.0, kMostWarmRuns));
    round_seconds += (series[i].runs - 1) * seconds;
  }
  return static_cast<std::size_t>(std::clamp(kGraphSeconds / round_seconds, 1.0, kMostRounds));
}

}  // namespace

Status check_capture(const Launches& work) {
  Stream stream;
  Status status = cuda_status(cudaStreamCreateWithFlags(stream.receive(), cudaStreamNonBlocking),
                              "cudaStreamCreateWithFlags");
  if (!status) return status;
  status = captured(stream.get(), [&] { return work(stream.get()); }).status();
  if (!status) cudaGetLastError();  // it is said here, and no error of what is run later
  return status;
}

Result<std::vector<Timings>> time_interleaved(const std::vector<Launches>& work,
                                              const TimingOptions& options) {
  std::vector<Series> series;
  for (const bool cold : {true, false}) {
    if (!(cold ? options.cold : options.warm)) continue;
    for (const Launches& launches : work) series.push_back({.work = &launches, .cold = cold});
  }
  Stream stream;
  Status status = cuda_status(cudaStreamCreateWithFlags(stream.receive(), cudaStreamNonBlocking),
                              "cudaStreamCreateWithFlags");
  if (!status) return status;
  Result<DeviceBuffer> flushed = DeviceBuffer::allocate(
      options.cold ? std::max<std::size_t>(2 * options.l2_bytes, 1) : std::size_t{1});
  if (!flushed) return flushed.status();

  // The stream does not wait for what was copied on the default stream.
  status = cuda_status(cudaDeviceSynchronize(), "copying the operands");
  if (!status) return status;

  const Result<std::size_t> count = plan_rounds(series, *flushed, stream.get());
  if (!count) return count.status();
  const Result<Rounds> rounds = make_rounds(series, *flushed, stream.get(), *count);
  if (!rounds) return rounds.status();
  const Result<std::vector<Timing>> measured = repeat(
      series.size(), options.limits,
      [&](Samples& samples) { return run_rounds(*rounds, series, stream.get(), samples); }, now);
  if (!measured) return measured.status();

  std::vector<Timings> timings(work.size());
  for (std::size_t i = 0; i < series.size(); ++i) {
    Timings& element = timings[i % work.size()];
    (series[i].cold ? element.cold : element.warm) = (*measured)[i];
  }
  return timings;
}

}  // namespace foldconv::tool
