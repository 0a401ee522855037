// SPDX-License-Identifier: MIT
// A way to compute a problem: steps that can be checked, counted and timed, whoever computes them.
//
//   planned         what plan() takes by itself: of a layer its fused kernel; of blocks a cut
//   whole           a block as one kernel
//   tails           conv1, then 3x3, 1x1 and the next block's 1x1 as one kernel, and so on
//   chain           a fused kernel a convolution
//   separate        the chain's convolutions without anything folded in, then BatchNorm, add and
//                   activation, a kernel each
//   direct          the same with the convolution that uses no tensor cores
//   cudnn           a cuDNN graph a convolution, with all that stands behind it
//   cudnn-separate  cuDNN's convolutions, then BatchNorm, add and activation, a call each
//   conv_...        a layer by this kernel: see pinned_ways()
// A new one is a WayMaker more in the list that the tool is given, and nothing else.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "foldconv/cost.hpp"
#include "harness/device/buffer.hpp"
#include "harness/device/objects.hpp"
#include "harness/problem/problem.hpp"
#include "harness/ways/judge.hpp"

namespace foldconv::harness {

// What a step cannot avoid: the bytes that its launches must move between them and DRAM, each launch
// reading and writing each of its tensors once, and the operations of its convolutions.
struct Work {
  double bytes = 0, flops = 0;
};
// A convolution with all that stands behind it, as one launch. Of x only rows and columns that some
// tap meets count.
Work work_of(const ConvProblem& problem);
// x, all weights and y once: what any way must move.
Work least_work(const Problem& problem);

// A tensor of all images on the device.
struct Tensor : DeviceBuffer {
  explicit Tensor(const Images& of) : DeviceBuffer(of.bytes()), images(of) {}

  Images images;
};

// One or more launches that write one tensor.
struct Step {
  std::string what;  // "conv1, batch_norm"
  Launch launch;     // throws what goes wrong; may be captured
  // What the judge needs of the tensors that the step reads; they are fetched before it runs,
  // because it may write one in place.
  std::vector<const Tensor*> reads = {};
  const Tensor* writes = nullptr;
  const DeviceBuffer* workspace = nullptr;  // which it may write, too
  // A step is judged by the very values it read, so that the roundings between the steps need no
  // allowance.
  std::function<Verdict(const std::vector<Bytes>& read, const Bytes& written)> judge = {};
  std::string kernel = {};  // of a convolution; several: separated by spaces
  std::size_t launches = 1;
  Work work = {};
  std::vector<LaunchCost> costs = {};  // as the library has them
};

struct Way {
  std::string name;          // one of those above
  std::string kernels = {};  // of the convolutions; several: separated by spaces
  std::vector<Step> steps = {};
  std::string refusal = {};  // why there are no steps
  bool planned = false;      // what plan() takes by itself

  std::size_t launches() const;
  Work work() const;                      // of all steps
  std::vector<LaunchCost> costs() const;  // of all launches
};

// The memory of one problem on the device. Ways keep addresses of its buffers, so it must outlive
// them and stays where it is.
class Tensors {
 public:
  // Uploads x and the residual. The problem must be filled, and outlive the ways.
  explicit Tensors(const Problem& problem);
  Tensors(const Tensors&) = delete;
  Tensors& operator=(const Tensors&) = delete;

  const Tensor& x() const { return x_; }
  const Tensor* residual() const { return residual_; }  // null where there is none

  // Further memory, kept as long as this.
  const Tensor& allocate(const Images& images) { return tensors_.emplace_back(images); }
  const DeviceBuffer& allocate(std::size_t bytes) { return buffers_.emplace_back(bytes); }
  const DeviceBuffer& upload(std::span<const float> values) {
    return buffers_.emplace_back(std::as_bytes(values));
  }

 private:
  std::deque<Tensor> tensors_;
  std::deque<DeviceBuffer> buffers_;
  const Tensor& x_;
  const Tensor* residual_ = nullptr;
};

// Whether a way of this name is to be made.
using Wanted = std::function<bool(const std::string& name)>;

// Makes the ways that `wanted` takes, one at least, in the order of the names. A way that does not take the problem
// comes with its refusal and no steps; what means nothing for the problem (a layer as whole blocks)
// is left out. Throws whatever keeps everything from running.
struct WayMaker {
  std::vector<std::string> names;
  std::string help;  // a line for each name, for --help
  std::function<std::vector<Way>(const Problem&, Tensors&, const Wanted&)> make;
};

// foldconv's own: planned, whole, tails, chain; separate; direct.
std::vector<WayMaker> foldconv_ways();

// A layer by each of these kernels, a way of its name: to compare them.
WayMaker pinned_ways(const std::vector<std::string>& kernels);
// Why this kernel does not take the problem, "" if it does. None takes blocks.
std::string refusal_by(const std::string& kernel, const Problem& problem);
// What plan() takes of a layer where none is pinned; of blocks, and where it takes none: "".
std::string kernel_of_plan(const Problem& problem);

std::vector<Way> make_ways(const std::vector<WayMaker>& makers, const Problem& problem,
                           Tensors& tensors, const Wanted& wanted);

struct Checked {
  std::string wrong;  // why the result is wrong: "separate, conv1, add: ..."; "": it is right
  Verdict worst;      // of all steps that ran
  Bytes y;            // what the last step wrote
  bool in_bounds = false;
  std::vector<Bytes> read = {};  // what the last step read
};

void run_step(const Step& step);

struct CheckOptions {
  bool judged = true;                               // false: `wrong` knows only of writes outside
  std::function<void(const Step&)> run = run_step;  // runs a step to its end
};
// Runs the steps one by one, and judges each by what it read; those behind a wrong one are not run.
// All that they may write is poisoned before the first; its guard bands are read after the last.
Checked check(const Way& way, const CheckOptions& options = {});

}  // namespace foldconv::harness
