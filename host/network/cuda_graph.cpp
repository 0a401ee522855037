// SPDX-License-Identifier: MIT
// NetworkPlan::capture: a run as a CUDA graph.
#include <memory>
#include <type_traits>
#include <utility>

#include "base/device.hpp"
#include "base/error.hpp"
#include "base/internals.hpp"
#include "foldconv/checked_runs.hpp"
#include "foldconv/network.hpp"
#include "network/plan_data.hpp"

namespace foldconv {

using host::cuda_failure;

namespace {

template <auto kDestroy>
struct DestroyedBy {
  template <class Object>
  void operator()(Object* object) const {
    kDestroy(object);
  }
};
template <class Handle, auto kDestroy>
using OwnedHandle = std::unique_ptr<std::remove_pointer_t<Handle>, DestroyedBy<kDestroy>>;

}  // namespace

struct CudaGraph::Data {
  Data(const NetworkPlan& of, const NetworkBuffers& on) : plan(of), buffers(on) {}
  ~Data() {
    // cudaDeviceReset() has freed it with the weights: then the handle is of nothing, or of another's graph.
    if (executable != nullptr && !weights_are_gone()) cudaGraphExecDestroy(executable);
  }
  Data(const Data&) = delete;
  Data& operator=(const Data&) = delete;

  bool weights_are_gone() const noexcept {
    return host::guarded([&] { return host::check_weights(plan); }).code() ==
           ErrorCode::invalid_argument;
  }
  // A stream may be of the plan's device where another is current: of what that one reaches nothing follows then.
  Status check() const {
    const Result<int> device = host::current_device();
    if (!device.ok()) return device.status();
    if (*device != host::Internals::data(plan).network->device) return host::check_weights(plan);
    return host::check_run(plan, buffers).status();
  }

  NetworkPlan plan;  // keeps the weights
  NetworkBuffers buffers;
  cudaGraphExec_t executable = nullptr;
};

CudaGraph::CudaGraph(std::unique_ptr<Data> data) : data_(std::move(data)) {}
CudaGraph::CudaGraph(CudaGraph&&) noexcept = default;
CudaGraph& CudaGraph::operator=(CudaGraph&&) noexcept = default;
CudaGraph::~CudaGraph() = default;

Status CudaGraph::launch(cudaStream_t stream) const {
  return host::guarded([&]() -> Status {
    if (data_ == nullptr) {
      return host::invalid("a CudaGraph that was moved from", "no graph",
                           "launch the one it was moved to");
    }
    if (runs_are_checked()) {
      if (Status status = data_->check(); !status.ok()) return status;
    }
    const cudaError_t code = cudaGraphLaunch(data_->executable, stream);
    return code == cudaSuccess ? Status() : cuda_failure(code, "cudaGraphLaunch");
  });
}

Result<CudaGraph> NetworkPlan::capture(const NetworkBuffers& buffers) const {
  return host::guarded([&]() -> Result<CudaGraph> {
    cudaStream_t created = nullptr;
    cudaError_t code = cudaStreamCreateWithFlags(&created, cudaStreamNonBlocking);
    if (code != cudaSuccess) return cuda_failure(code, "cudaStreamCreateWithFlags");
    const OwnedHandle<cudaStream_t, cudaStreamDestroy> stream(created);

    code = cudaStreamBeginCapture(created, cudaStreamCaptureModeThreadLocal);
    if (code != cudaSuccess) return cuda_failure(code, "cudaStreamBeginCapture");
    const Status ran = run(buffers, created);
    cudaGraph_t captured = nullptr;
    code = cudaStreamEndCapture(created, &captured);
    const OwnedHandle<cudaGraph_t, cudaGraphDestroy> graph(captured);
    const Status ended =
        code == cudaSuccess ? Status() : cuda_failure(code, "cudaStreamEndCapture");
    if (!ran.ok()) return ran;
    if (!ended.ok()) return ended;

    auto data = std::make_unique<host::DataOf<CudaGraph>>(*this, buffers);
    code = cudaGraphInstantiate(&data->executable, captured, 0);
    if (code != cudaSuccess) return cuda_failure(code, "cudaGraphInstantiate");
    return host::Internals::make_owner<CudaGraph>(std::move(data));
  });
}

}  // namespace foldconv
