// SPDX-License-Identifier: MIT
#include "harness/time/timing.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "harness/error.hpp"

namespace foldconv::harness {
namespace {

constexpr double kWarmSampleSeconds = 100e-6, kGraphSeconds = 20e-3;
constexpr double kMostWarmRuns = 60, kMostRounds = 20;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// An element in one state of the cache.
struct Series {
  const Launch* work = nullptr;
  bool cold = true;
  int runs = 1;  // between its two events
};

struct Span {
  Event begin = make_event(), end = make_event();
};

// `rounds` rounds as one graph; spans[round * series + i] time series i.
struct Rounds {
  Executable executable;
  std::vector<Span> spans;
};

class Rig {
 public:
  Rig(const std::vector<Launch>& work, const TimingOptions& options)
      // Written once, here; whatever dirty lines that leaves are gone after the first rounds.
      : other_data_(options.cold ? 2 * options.l2_bytes : 0) {
    for (const bool cold : {true, false}) {
      if (!(cold ? options.cold : options.warm)) continue;
      for (const Launch& launch : work) series_.push_back({.work = &launch, .cold = cold});
    }
    // The stream does not wait for what was copied on the default stream.
    check(cudaDeviceSynchronize(), "copying the operands");
  }

  std::vector<Timings> measure(std::size_t elements, const RepetitionLimits& limits) {
    const Rounds rounds = make_rounds(plan_rounds());
    const std::vector<Timing> measured = repeat(
        series_.size(), limits, [&](Samples& samples) { run_rounds(rounds, samples); }, now);
    std::vector<Timings> timings(elements);
    for (std::size_t i = 0; i < measured.size(); ++i) {
      Timings& element = timings[i % elements];
      (series_[i].cold ? element.cold : element.warm) = measured[i];
    }
    return timings;
  }

 private:
  Rounds make_rounds(std::size_t count) const {
    Rounds rounds;
    rounds.spans = std::vector<Span>(count * series_.size());
    rounds.executable = instantiated(captured(stream_.get(), [&](cudaStream_t stream) {
      // External: event record nodes, whose times can be read after the graph has run.
      const auto record = [stream](const Event& event) {
        check(cudaEventRecordWithFlags(event.get(), stream, cudaEventRecordExternal),
              "recording an event");
      };
      for (std::size_t i = 0; i < rounds.spans.size(); ++i) {
        const Series& series = series_[i % series_.size()];
        if (series.cold) {
          read_memory(other_data_, stream);
        } else {
          (*series.work)(stream);
        }
        record(rounds.spans[i].begin);
        for (int run = 0; run < series.runs; ++run) (*series.work)(stream);
        record(rounds.spans[i].end);
      }
    }));
    return rounds;
  }

  // Runs the rounds and appends a sample of each series for each of them.
  void run_rounds(const Rounds& rounds, Samples& samples) const {
    run(rounds.executable, stream_.get());
    for (std::size_t i = 0; i < rounds.spans.size(); ++i) {
      const Span& span = rounds.spans[i];
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, span.begin.get(), span.end.get()),
            "cudaEventElapsedTime");
      const std::size_t at = i % series_.size();
      samples[at].push_back(milliseconds * 1e-3 / series_[at].runs);
    }
  }

  // How many runs make a warm sample, and how many rounds a graph: from one round, run twice because
  // the first warms up clocks and caches of instructions.
  std::size_t plan_rounds() {
    const Rounds trial = make_rounds(1);
    Samples samples(series_.size());
    run_rounds(trial, samples);
    const double begin = now();
    run_rounds(trial, samples);
    double round_seconds = now() - begin;
    for (std::size_t i = 0; i < series_.size(); ++i) {
      if (series_[i].cold) continue;
      const double seconds = std::max(samples[i].back(), 1e-7);
      series_[i].runs =
          static_cast<int>(std::clamp(std::ceil(kWarmSampleSeconds / seconds), 1.0, kMostWarmRuns));
      round_seconds += (series_[i].runs - 1) * seconds;
    }
    return static_cast<std::size_t>(std::clamp(kGraphSeconds / round_seconds, 1.0, kMostRounds));
  }

  std::vector<Series> series_;
  Stream stream_ = make_stream();
  DeviceBuffer other_data_;
};

}  // namespace

std::string why_not_captured(const Launch& work) {
  try {
    const Stream stream = make_stream();
    instantiated(captured(stream.get(), work));
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

std::vector<Timings> time_interleaved(const std::vector<Launch>& work,
                                      const TimingOptions& options) {
  return Rig(work, options).measure(work.size(), options.limits);
}

}  // namespace foldconv::harness
