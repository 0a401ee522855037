// SPDX-License-Identifier: MIT
// The API of stream capture.
#include "api.hpp"
#include "capture.hpp"

namespace cuemu::runtime {
namespace {

bool is_mode(cudaStreamCaptureMode mode) {
  return mode == cudaStreamCaptureModeGlobal || mode == cudaStreamCaptureModeThreadLocal ||
         mode == cudaStreamCaptureModeRelaxed;
}

// A query of the legacy stream is refused while a blocking stream is captured, but does that
// capture no harm.
cudaError_t capture_status(const Stream& stream, cudaStreamCaptureStatus* status) {
  if (status == nullptr) return cudaErrorInvalidValue;
  if (implicit_dependency_exists(stream)) return cudaErrorStreamCaptureImplicit;
  if (stream.capture == nullptr) {
    *status = cudaStreamCaptureStatusNone;
  } else {
    *status = stream.capture->invalidated ? cudaStreamCaptureStatusInvalidated
                                          : cudaStreamCaptureStatusActive;
  }
  return cudaSuccess;
}

// CUDA hands out the array until the next call on the stream.
const cudaGraphNode_t* tail_of(const Stream& stream) {
  static_assert(sizeof(cudaGraphNode_t) == sizeof(GraphNode*));
  return reinterpret_cast<const cudaGraphNode_t*>(stream.tail.data());
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_STREAM_API(cudaStreamBeginCapture, (cudaStream_t stream, cudaStreamCaptureMode mode), {
  return with_stream(stream, implicit_stream, [&](Stream& captured) {
    return is_mode(mode) ? begin_capture(captured, mode) : cudaErrorInvalidValue;
  });
})

CUEMU_STREAM_API(cudaStreamEndCapture, (cudaStream_t stream, cudaGraph_t* graph), {
  return with_stream(stream, implicit_stream, [&](Stream& captured) {
    return graph != nullptr ? end_capture(captured, graph) : cudaErrorInvalidValue;
  });
})

CUEMU_STREAM_API(cudaStreamIsCapturing, (cudaStream_t stream, cudaStreamCaptureStatus* status), {
  return with_stream(stream, implicit_stream,
                     [&](const Stream& queried) { return capture_status(queried, status); });
})

CUEMU_STREAM_API(cudaStreamGetCaptureInfo,
                 (cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* id,
                  cudaGraph_t* graph, const cudaGraphNode_t** dependencies,
                  const cudaGraphEdgeData** edges, size_t* count),
                 {
                   return with_stream(stream, implicit_stream, [&](const Stream& queried) {
                     const cudaError_t result = capture_status(queried, status);
                     if (result != cudaSuccess || *status != cudaStreamCaptureStatusActive) {
                       return result;
                     }
                     if (graph != nullptr) return not_supported("the graph of an ongoing capture");
                     if (id != nullptr) *id = queried.capture->id;
                     if (dependencies != nullptr) *dependencies = tail_of(queried);
                     if (edges != nullptr) *edges = nullptr;
                     if (count != nullptr) *count = queried.tail.size();
                     return cudaSuccess;
                   });
                 })

CUEMU_API(cudaThreadExchangeStreamCaptureMode, (cudaStreamCaptureMode * mode), {
  return api_call([&] {
    if (mode == nullptr || !is_mode(*mode)) return cudaErrorInvalidValue;
    *mode = exchange_thread_mode(*mode);
    return cudaSuccess;
  });
})
