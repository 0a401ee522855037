#include "compute/cudnn_steps.hpp"

#include <algorithm>
#include <utility>

#include "compute/cudnn_bound.hpp"
#include "compute/expected.hpp"
#include "measure/cuda_objects.hpp"
#include "measure/timing.hpp"

namespace foldconv::tool {
namespace {

using Tensors = std::vector<Step::Tensor>;
constexpr double kSecondsToChoose = 0.2;
constexpr std::size_t kMostWorkspace = std::size_t{4} << 30;

// How many kernels and copies `launches` are as a CUDA graph, as which they are timed.
Result<std::size_t> nodes_when_captured(const Launches& launches) {
  Stream stream;
  Graph graph;
  Status status = cuda_status(cudaStreamCreateWithFlags(stream.receive(), cudaStreamNonBlocking),
                              "cudaStreamCreateWithFlags");
  if (!status) return status;
  status = cuda_status(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal),
                       "cudaStreamBeginCapture");
  if (!status) return status;
  const Status launched = launches(stream.get());
  status = cuda_status(cudaStreamEndCapture(stream.get(), graph.receive()), "cudaStreamEndCapture");
  if (!launched || !status) {
    cudaGetLastError();  // an engine that cannot be captured is no fault of the next one
    return launched ? status : launched;
  }
  std::size_t count = 0;
  status = cuda_status(cudaGraphGetNodes(graph.get(), nullptr, &count), "cudaGraphGetNodes");
  if (!status) return status;
  return std::max<std::size_t>(count, 1);
}

// The oracle's answer for what was read last: all engines read the same, and so does the step.
class KnownExpected {
 public:
  KnownExpected(CudnnCandidate candidate, Images x, Images y)
      : candidate_(std::move(candidate)), x_(x), y_(y) {}

  const oracle::Expected& of(const Tensors& read) {
    if (read != read_) {
      expected_ =
          candidate_.expected(y_.distinct, x_.distinct_values(read[0]),
                              read.size() > 1 ? y_.distinct_values(read[1]) : std::vector<float>());
      read_ = read;
    }
    return expected_;
  }

 private:
  CudnnCandidate candidate_;
  Images x_, y_;
  Tensors read_;
  oracle::Expected expected_;
};

struct Ready {
  const CudnnCandidate* candidate;
  std::shared_ptr<KnownExpected> expected;
  std::size_t launches = 1;
};

class Contest {
 public:
  Contest(const CudnnSearch& search, const CudnnConvStep& step)
      : search_(search),
        step_(step),
        x_{step.problem.dtype, step.problem.input(), step.distinct},
        y_{step.problem.dtype, step.problem.output(), step.distinct} {}

  Result<Step> run(std::string& kernel) {
    Result<CudnnCandidates> candidates =
        cudnn_candidates(search_.engines, step_.problem, step_.parameters);
    if (!candidates) return candidates.status();
    if (Status status = fetch_operands(); !status) return status;
    if (Status status = make_workspace(*candidates); !status) return status;
    std::vector<Ready> right;
    for (const CudnnCandidate& candidate : candidates->all) {
      if (Status status = try_out(candidate, right); !status) return status;
    }
    if (right.empty()) {
      return Status(ErrorCode::unsupported, "no engine of cuDNN gives a right result: " + reason_);
    }
    Result<std::size_t> fastest = fastest_of(right);
    if (!fastest) return fastest.status();
    const Ready& best = right[*fastest];
    kernel = best.candidate->name() + "(" + std::to_string(right.size()) + "_of_" +
             std::to_string(candidates->offered) + ")";
    // y is left as the step will leave it: the next convolution reads it.
    if (Status status = launch(*best.candidate, nullptr); !status) return status;
    Status done = cuda_status(cudaDeviceSynchronize(), "running cuDNN");
    if (!done) return done;
    return step_of(best);
  }

 private:
  Status fetch_operands() {
    for (const DeviceBuffer* buffer :
         {step_.x, step_.problem.residual ? step_.residual : nullptr}) {
      if (buffer == nullptr) continue;
      Result<Step::Tensor> content = buffer->download();
      if (!content) return content.status();
      read_.push_back(std::move(*content));
    }
    return {};
  }

  Status make_workspace(const CudnnCandidates& candidates) {
    std::size_t bytes = 0;
    for (const CudnnCandidate& candidate : candidates.all) {
      const std::size_t wanted = candidate.engine.workspace_bytes;
      if (wanted <= kMostWorkspace) bytes = std::max(bytes, wanted);
    }
    Result<DeviceBuffer> workspace = DeviceBuffer::allocate(bytes);
    if (!workspace) return workspace.status();
    workspace_ = std::make_shared<DeviceBuffer>(std::move(*workspace));
    return {};
  }

  Status launch(const CudnnCandidate& candidate, cudaStream_t stream) const {
    return candidate.run(*step_.x, step_.residual, *step_.y, workspace_.get(), stream);
  }

  void object(const CudnnCandidate& candidate, const std::string& why) {
    if (reason_.empty()) reason_ = candidate.name() + ": " + why;
  }

  // An engine that fails is left out; errors are those after which nothing can run.
  Status try_out(const CudnnCandidate& candidate, std::vector<Ready>& right) {
    if (candidate.engine.workspace_bytes > kMostWorkspace) {
      object(candidate, "wants a workspace of more than 4 GiB");
      return {};
    }
    if (Status status = step_.y->poison(); !status) return status;
    if (const Status launched = launch(candidate, nullptr); !launched) {
      object(candidate, launched.message());
      return {};
    }
    Status done = cuda_status(cudaDeviceSynchronize(), "running cuDNN's " + candidate.name());
    if (!done) return done;
    Result<Step::Tensor> y = step_.y->download();
    if (!y) return y.status();
    const std::shared_ptr<KnownExpected> expected = expected_of(candidate);
    // Many engines give the same bits, and judging a large batch takes longer than comparing it.
    if (judged_by_ != expected || *y != judged_) {
      const Verdict verdict = judge_every_image(y_, expected->of(read_), *y);
      if (!verdict.pass) {
        object(candidate, verdict.reason);
        return {};
      }
      judged_by_ = expected;
      judged_ = std::move(*y);
    }
    const Result<std::size_t> nodes =
        nodes_when_captured([&](cudaStream_t stream) { return launch(candidate, stream); });
    if (nodes) {
      right.push_back({&candidate, expected, *nodes});
    } else {
      object(candidate, "cannot be part of a CUDA graph: " + nodes.status().message());
    }
    return {};
  }

  // One for each form of the parameters.
  std::shared_ptr<KnownExpected> expected_of(const CudnnCandidate& candidate) {
    const DataType vectors = candidate.operands.epilogue.vectors;
    for (const auto& [known, expected] : expected_) {
      if (known == vectors) return expected;
    }
    expected_.emplace_back(vectors, std::make_shared<KnownExpected>(candidate, x_, y_));
    return expected_.back().second;
  }

  Result<std::size_t> fastest_of(const std::vector<Ready>& right) const {
    if (right.size() == 1) return std::size_t{0};
    std::vector<Launches> work;
    for (const Ready& ready : right) {
      work.emplace_back(
          [this, &ready](cudaStream_t stream) { return launch(*ready.candidate, stream); });
    }
    const Result<std::vector<Timings>> timings = time_interleaved(
        work,
        {.warm = false, .l2_bytes = search_.l2_bytes, .limits = {.seconds = kSecondsToChoose}});
    if (!timings) return timings.status();
    const auto best = std::ranges::min_element(
        *timings, {}, [](const Timings& one) { return one.cold->seconds; });
    return static_cast<std::size_t>(best - timings->begin());
  }

  Step step_of(const Ready& best) const {
    std::vector<const DeviceBuffer*> reads = {step_.x};
    if (step_.problem.residual) reads.push_back(step_.residual);
    return {
        .what = "cuDNN's " + best.candidate->name(),
        .launch =
            [candidate = *best.candidate, step = step_,
             workspace = workspace_](cudaStream_t stream) {
              return candidate.run(*step.x, step.residual, *step.y, workspace.get(), stream);
            },
        .reads = std::move(reads),
        .writes = step_.y,
        .judge =
            [y = y_, expected = best.expected](const Tensors& read, const Step::Tensor& written) {
              return judge_every_image(y, expected->of(read), written);
            },
        .launches = best.launches};
  }

  const CudnnSearch& search_;
  const CudnnConvStep& step_;
  Images x_, y_;
  Tensors read_;
  std::shared_ptr<const DeviceBuffer> workspace_;
  std::vector<std::pair<DataType, std::shared_ptr<KnownExpected>>> expected_;
  std::shared_ptr<KnownExpected> judged_by_;
  Step::Tensor judged_;  // right
  std::string reason_;   // why the first that is out is out
};

Result<Step> ran_once(Step step) {
  if (Status status = step.launch(nullptr); !status) return status;
  Status done = cuda_status(cudaDeviceSynchronize(), "running cuDNN's " + step.what);
  if (!done) return done;
  return step;
}

}  // namespace

CudnnSearch cudnn_search(const cudnn::Session& session, std::size_t most, std::size_t l2_bytes) {
  return {.engines = engines_of(session, most),
          .calls =
              [&session](DataType dtype, const Shape& shape, Activation activation) {
                return cudnn::tensor_calls(session, dtype, shape, activation);
              },
          .l2_bytes = l2_bytes};
}

Result<Step> fastest_cudnn_conv(const CudnnSearch& search, const CudnnConvStep& step,
                                std::string& kernel) {
  return Contest(search, step).run(kernel);
}

Result<Step> cudnn_batch_norm_step(const cudnn::TensorCalls& calls, const Images& images,
                                   const DeviceBatchNorm& arrays, const BatchNorm& batch_norm,
                                   const DeviceBuffer& from, const DeviceBuffer& to) {
  return ran_once(
      {.what = "batch_norm",
       .launch = [calls, on_device = arrays.arrays(), x = from.data(), y = to.data()](
                     cudaStream_t stream) { return calls.batch_norm(x, on_device, y, stream); },
       .reads = {&from},
       .writes = &to,
       .judge =
           [images, batch_norm](const Tensors& read, const Step::Tensor& written) {
             return judge_every_image(
                 images,
                 expected_batch_norm(images.dtype, images.distinct_values(read[0]), batch_norm),
                 written);
           }});
}

Result<Step> cudnn_add_step(const cudnn::TensorCalls& calls, const Images& images,
                            const DeviceBuffer& z, const DeviceBuffer& y) {
  return ran_once({.what = "add",
                   .launch = [calls, from = z.data(), at = y.data()](
                                 cudaStream_t stream) { return calls.add(from, at, stream); },
                   .reads = {&y, &z},
                   .writes = &y,
                   .judge =
                       [images](const Tensors& read, const Step::Tensor& written) {
                         return judge_every_image(
                             images,
                             expected_add(images.dtype, images.distinct_values(read[0]),
                                          images.distinct_values(read[1])),
                             written);
                       }});
}

Result<Step> cudnn_activation_step(const cudnn::TensorCalls& calls, const Images& images,
                                   Activation activation, float alpha, const DeviceBuffer& y) {
  return ran_once(
      {.what = to_string(activation),
       .launch = [calls, at = y.data()](cudaStream_t stream) { return calls.activate(at, stream); },
       .reads = {&y},
       .writes = &y,
       .judge =
           [images, activation, alpha](const Tensors& read, const Step::Tensor& written) {
             const std::vector<float> x = images.distinct_values(read[0]);
             oracle::Expected expected = expected_activation(images.dtype, activation, alpha, x);
             allow_approximate_activation({.dtype = images.dtype, .activation = activation},
                                          std::vector<double>(x.begin(), x.end()), expected);
             return judge_every_image(images, expected, written);
           }});
}

}  // namespace foldconv::tool
