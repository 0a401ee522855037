// SPDX-License-Identifier: MIT
// Figures that decide tiles, loaders and launches. There are no words: the notes say how fast it was, three times on a
// GPU; the emulator has no time, so there each runs once, small, and only what must come out right is looked at.
#include <iomanip>
#include <sstream>

#include "probe/device.hpp"
#include "sm90/kernels.hpp"
#include "sm90/probes.hpp"
#include "sm90/tensor.hpp"

namespace foldconv::probes {
namespace {

using Array = DeviceArray<std::uint32_t>;

void require(bool condition, const char* otherwise) {
  if (!condition) throw std::runtime_error(otherwise);
}

template <class... Parts>
std::string line(const Parts&... parts) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2);
  (text << ... << parts);
  return text.str();
}

// Of the work that is submitted to a stream between two events.
class Stopwatch {
 public:
  explicit Stopwatch(cudaStream_t stream) : stream_(stream) {
    check(cudaEventCreate(&from_), "cudaEventCreate");
    check(cudaEventCreate(&to_), "cudaEventCreate");
    check(cudaEventRecord(from_, stream_), "cudaEventRecord");
  }
  ~Stopwatch() {
    cudaEventDestroy(from_);
    cudaEventDestroy(to_);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  double microseconds() {
    check(cudaEventRecord(to_, stream_), "cudaEventRecord");
    check(cudaEventSynchronize(to_), "cudaEventSynchronize");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, from_, to_), "cudaEventElapsedTime");
    return 1000.0 * static_cast<double>(milliseconds);
  }

 private:
  cudaStream_t stream_;
  cudaEvent_t from_ = nullptr, to_ = nullptr;
};

struct Stream {
  cudaStream_t stream = nullptr;
  Stream() { check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate"); }
  ~Stream() { cudaStreamDestroy(stream); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

// The first run, which loads code, is not measured. `run` gives a note.
template <class Run>
Result repeat(Run run) {
  Result result;
  if (current_device().emulated) {
    run(result);
    return result;
  }
  run(result);
  for (int i = 0; i < 3; ++i) result.notes.push_back(run(result));
  return result;
}

// --- wgmma with a second warpgroup, and beside copies ---

struct Beside {
  int n;
  bool registers;
  int groups;
  bool copies;

  std::string name() const {
    return "wgmma_" + std::string(registers ? "rs" : "ss") + "_f16_n" + std::to_string(n) + "_x" +
           std::to_string(groups) + (copies ? "_beside_copies" : "");
  }
};

Result time_beside(const Beside& b) {
  TensorSpec spec;
  spec.dims = {64, 128, 1, 1, 1};
  spec.box = spec.dims;
  spec.swizzle = CU_TENSOR_MAP_SWIZZLE_128B;
  const DeviceArray<std::uint8_t> source(spec.bytes());
  const CUtensorMap map = encode_tiled(spec, source.get());
  const Array out(6);
  BesideArguments p = {};
  p.groups = b.groups;
  p.blocks = current_device().emulated ? 4 : 2000;
  p.copies = b.copies;
  p.out = out.get();
  return repeat([&](Result& result) {
    check_launch(launch_wgmma_beside_copies(b.n, b.registers, map, p), "wgmma beside copies");
    const Words words = out.download();
    require(words[5] == 1, "a copy did not land");
    require(words[1] == 0 && words[3] == 0, "zeros times zeros are not zero");
    const double cycles = std::max(words[0], b.groups == 2 ? words[2] : 0);
    result.cycles = static_cast<std::uint64_t>(cycles);
    const double instructions = 4.0 * p.blocks;
    std::string note = line(cycles / instructions, " cycles for each instruction of ", b.groups,
                            " warpgroups; the tensor core alone needs ", b.n / 2 * b.groups);
    if (b.copies)
      note +=
          line("; ", words[4] * double{kCopyBoxBytes} / cycles, " bytes a cycle copied meanwhile");
    return note;
  });
}

// --- Copies into shared memory, and nothing else ---

struct Copies {
  bool im2col, multicast;
  int pixels;

  std::string name() const {
    return std::string("copy_") + (im2col ? "im2col" : "tiled") + "_" + std::to_string(pixels) +
           (multicast ? "_multicast" : "");
  }
};

CUtensorMap map_for_copies(const Copies& c, int images, void* address) {
  constexpr int kSide = kCopyImageSide, kPixels = kCopyImagePixels;
  const int box = c.multicast ? c.pixels / 2 : c.pixels;
  TensorSpec spec;
  spec.swizzle = CU_TENSOR_MAP_SWIZZLE_128B;
  if (c.im2col) {
    spec.rank = 4;
    spec.dims = {64, kSide, kSide, images, 1};
    spec.lower = spec.upper = {-1, -1, 0};
    spec.channels = 64;
    spec.pixels = box;
    return encode_im2col(spec, address);
  }
  spec.dims = {64, kPixels * images, 1, 1, 1};
  spec.box = {64, box, 1, 1, 1};
  return encode_tiled(spec, address);
}

Result time_copies(const Copies& c) {
  int processors = 0;
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, 0), "multiprocessors");
  const bool emulated = current_device().emulated;
  const int ctas = emulated ? 4 : processors / 2 * 2;
  CopyRingArguments p = {};
  p.im2col = c.im2col;
  p.multicast = c.multicast;
  p.pixels = c.pixels;
  p.images = emulated ? 1 : 32;  // 4 MB: all of it stays in L2
  const std::uint32_t box_bytes = static_cast<std::uint32_t>(c.pixels) * kCopyPixelBytes;
  p.rounds = emulated ? 20 : (16u << 20) / box_bytes;
  const DeviceArray<std::uint8_t> tensor(static_cast<std::size_t>(p.images) * kCopyImagePixels *
                                         kCopyPixelBytes);
  const CUtensorMap map = map_for_copies(c, p.images, tensor.get());
  const Array out(2 * static_cast<std::size_t>(ctas));
  p.out = out.get();
  return repeat([&](Result& result) {
    Stopwatch watch(nullptr);
    check(launch_copy_ring(map, ctas, p), "copies");
    const double microseconds = watch.microseconds();
    check(cudaDeviceSynchronize(), "copies");
    const Words words = out.download();
    double cycles = 0;
    for (std::size_t cta = 0; cta < static_cast<std::size_t>(ctas); ++cta) {
      require(words[2 * cta] == 1, "a copy did not land");
      cycles += words[2 * cta + 1];
    }
    cycles /= ctas;
    result.cycles = static_cast<std::uint64_t>(cycles);
    const double bytes = static_cast<double>(box_bytes) * p.rounds;
    return line(bytes / cycles, " bytes a cycle and SM, ", cycles * kCopyPixelBytes / bytes,
                " cycles a pixel; ", bytes * ctas / microseconds / 1e6,
                " TB/s into shared memory of ", ctas, " SMs",
                c.multicast ? ", half of that out of L2" : "");
  });
}

// --- From one kernel to the next ---

enum class Chain { stream, graph, dependent_stream, dependent_graph };

struct Gap {
  Chain chain;
  bool full;  // a CTA on each SM; else one
  std::string name() const {
    const char* const names[] = {"stream", "graph", "stream_dependent", "graph_dependent"};
    return std::string("launch_") + names[static_cast<int>(chain)] + (full ? "_full" : "_one_cta");
  }
};

void submit(const Gap& gap, cudaStream_t stream, int ctas, int launches, std::uint32_t* count) {
  const bool dependent =
      gap.chain == Chain::dependent_stream || gap.chain == Chain::dependent_graph;
  for (int i = 0; i < launches; ++i)
    check(launch_tick(stream, ctas, dependent, count), "a chain of launches");
}

// Of so many launches in a row, after as many that are not measured.
double chain_microseconds(const Gap& gap, int ctas, int launches) {
  const Stream s;
  const Array count(1);
  const bool in_graph = gap.chain == Chain::graph || gap.chain == Chain::dependent_graph;
  double microseconds = 0;
  if (in_graph) {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    check(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeThreadLocal), "capture");
    submit(gap, s.stream, ctas, launches, count.get());
    check(cudaStreamEndCapture(s.stream, &graph), "capture");
    check(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
    check(cudaGraphLaunch(executable, s.stream), "cudaGraphLaunch");
    check(cudaStreamSynchronize(s.stream), "cudaGraphLaunch");
    Stopwatch watch(s.stream);
    check(cudaGraphLaunch(executable, s.stream), "cudaGraphLaunch");
    microseconds = watch.microseconds();
    cudaGraphExecDestroy(executable);
    cudaGraphDestroy(graph);
  } else {
    submit(gap, s.stream, ctas, launches, count.get());
    check(cudaStreamSynchronize(s.stream), "a chain of launches");
    Stopwatch watch(s.stream);
    submit(gap, s.stream, ctas, launches, count.get());
    microseconds = watch.microseconds();
  }
  require(count.download()[0] == 2 * static_cast<std::uint32_t>(launches),
          "launches are missing, or overlapped");
  return microseconds;
}

Result time_gap(const Gap& gap) {
  const bool emulated = current_device().emulated;
  int ctas = 1;
  if (gap.full && emulated) ctas = 4;
  if (gap.full && !emulated)
    check(cudaDeviceGetAttribute(&ctas, cudaDevAttrMultiProcessorCount, 0), "multiprocessors");
  return repeat([&](Result&) {
    const int few = emulated ? 2 : 20, many = emulated ? 5 : 220;
    const double base = chain_microseconds(gap, ctas, few),
                 longer = chain_microseconds(gap, ctas, many);
    return line((longer - base) / (many - few), " us from one kernel to the next, of ", ctas,
                " CTAs");
  });
}

Result time_grid_barrier() {
  int ctas = 4;
  const bool emulated = current_device().emulated;
  if (!emulated)
    check(cudaDeviceGetAttribute(&ctas, cudaDevAttrMultiProcessorCount, 0), "multiprocessors");
  const std::uint32_t rounds = emulated ? 3 : 200;
  return repeat([&](Result& result) {
    const Array count(1), out(2);
    Stopwatch watch(nullptr);
    check(launch_grid_barrier(ctas, rounds, count.get(), out.get()), "grid barrier");
    const double microseconds = watch.microseconds();
    const Words words = out.download();
    require(words[0] == 1 && count.download()[0] == rounds * static_cast<std::uint32_t>(ctas),
            "a barrier of the grid was not passed");
    result.cycles = words[1] / rounds;
    return line(words[1] / rounds, " cycles a barrier of ", ctas, " CTAs, ", microseconds / rounds,
                " us with its share of the launch");
  });
}

}  // namespace

void add_timing_probes(std::vector<Probe>& probes) {
  const auto add = [&](const std::string& name, std::function<Result()> run) {
    probes.push_back({"timing", "timing_" + name, Kind::exact, Needs::sm90, std::move(run)});
  };
  for (const int n : {64, 128, 256}) {
    for (const bool registers : {false, true}) {
      for (const int groups : {1, 2}) {
        for (const bool copies : {false, true}) {
          const Beside b{n, registers, groups, copies};
          add(b.name(), [b] { return time_beside(b); });
        }
      }
    }
  }
  for (const bool im2col : {false, true}) {
    for (const bool multicast : {false, true}) {
      for (const int pixels : {64, 128, 256}) {
        const Copies c{im2col, multicast, pixels};
        add(c.name(), [c] { return time_copies(c); });
      }
    }
  }
  for (const Chain chain :
       {Chain::stream, Chain::graph, Chain::dependent_stream, Chain::dependent_graph}) {
    for (const bool full : {false, true}) {
      const Gap gap{chain, full};
      add(gap.name(), [gap] { return time_gap(gap); });
    }
  }
  add("grid_barrier", time_grid_barrier);
}

}  // namespace foldconv::probes
