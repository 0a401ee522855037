// SPDX-License-Identifier: MIT
#include "capture.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "errors.hpp"

namespace cuemu::runtime {
namespace {

thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

std::vector<std::shared_ptr<Capture>>& active_captures() {
  static auto* const captures = new std::vector<std::shared_ptr<Capture>>;
  return *captures;
}

// All streams of the capture are free again.
void finish(const std::shared_ptr<Capture>& capture) {
  for (Stream* const stream : capture->streams) {
    stream->capture.reset();
    stream->tail.clear();
  }
  capture->streams.clear();
  std::erase(active_captures(), capture);
}

void collect_ancestors(GraphNode* node, std::unordered_set<GraphNode*>& seen) {
  std::vector<GraphNode*> pending = {node};
  while (!pending.empty()) {
    GraphNode* const next = pending.back();
    pending.pop_back();
    if (!seen.insert(next).second) continue;
    pending.insert(pending.end(), next->dependencies.begin(), next->dependencies.end());
  }
}

// Whether everything that other streams captured comes before the end of the origin stream.
bool all_joined(const Capture& capture) {
  std::unordered_set<GraphNode*> reached;
  for (GraphNode* const node : capture.origin->tail) collect_ancestors(node, reached);
  return std::ranges::all_of(capture.streams, [&](const Stream* stream) {
    return std::ranges::all_of(stream->tail,
                               [&](GraphNode* node) { return reached.contains(node); });
  });
}

// Blocking streams wait for the legacy stream and it for them.
bool has_blocking_stream(const Capture& capture) {
  return std::ranges::any_of(capture.streams, [](const Stream* stream) {
    return (stream->flags & cudaStreamNonBlocking) == 0;
  });
}

}  // namespace

cudaError_t begin_capture(Stream& stream, cudaStreamCaptureMode mode) {
  if (stream.legacy) return cudaErrorStreamCaptureUnsupported;
  if (stream.capture != nullptr) return cudaErrorIllegalState;
  static uint64_t next_id = 1;
  auto capture = std::make_shared<Capture>();
  capture->id = next_id++;
  capture->graph = std::make_unique<Graph>();
  capture->origin = &stream;
  capture->mode = mode;
  capture->owner = std::this_thread::get_id();
  capture->streams = {&stream};
  active_captures().push_back(capture);
  stream.capture = std::move(capture);
  stream.tail.clear();
  return cudaSuccess;
}

cudaError_t end_capture(Stream& stream, cudaGraph_t* graph) {
  *graph = nullptr;
  const std::shared_ptr<Capture> capture = stream.capture;
  if (capture == nullptr) return cudaErrorIllegalState;
  if (capture->origin != &stream) {
    capture->invalidated = true;
    return cudaErrorStreamCaptureUnmatched;
  }
  if (capture->mode != cudaStreamCaptureModeRelaxed &&
      capture->owner != std::this_thread::get_id()) {
    return cudaErrorStreamCaptureWrongThread;
  }
  const bool joined = all_joined(*capture);
  finish(capture);
  if (capture->invalidated) return cudaErrorStreamCaptureInvalidated;
  if (!joined) return cudaErrorStreamCaptureUnjoined;
  *graph = publish_graph(std::move(capture->graph));
  return cudaSuccess;
}

cudaError_t join_capture(Stream& stream, const std::shared_ptr<Capture>& capture,
                         const std::vector<GraphNode*>& nodes) {
  if (capture->streams.empty()) return cudaErrorCapturedEvent;  // that capture has ended
  if (capture->invalidated) return cudaErrorStreamCaptureInvalidated;
  if (stream.legacy) {
    capture->invalidated = true;
    return cudaErrorStreamCaptureImplicit;
  }
  if (stream.capture != nullptr && stream.capture != capture) {
    stream.capture->invalidated = capture->invalidated = true;
    return cudaErrorStreamCaptureMerge;
  }
  if (stream.capture == nullptr) {
    stream.capture = capture;
    capture->streams.push_back(&stream);
  }
  for (GraphNode* const node : nodes) {
    if (std::ranges::find(stream.tail, node) == stream.tail.end()) stream.tail.push_back(node);
  }
  return cudaSuccess;
}

void abandon_capture(Stream& stream) {
  const std::shared_ptr<Capture> capture = stream.capture;
  if (capture == nullptr) return;
  capture->invalidated = true;
  if (capture->origin == &stream) return finish(capture);
  std::erase(capture->streams, &stream);
  stream.capture.reset();
  stream.tail.clear();
}

bool implicit_dependency_exists(const Stream& stream) {
  return stream.legacy && std::ranges::any_of(active_captures(), [](const auto& capture) {
           return has_blocking_stream(*capture);
         });
}

cudaError_t check_implicit_dependency(const Stream& stream) {
  if (!implicit_dependency_exists(stream)) return cudaSuccess;
  for (const auto& capture : active_captures()) {
    if (has_blocking_stream(*capture)) capture->invalidated = true;
  }
  return cudaErrorStreamCaptureImplicit;
}

cudaError_t check_waiting(Stream* stream) {
  cudaError_t result = cudaSuccess;
  for (const auto& capture : active_captures()) {
    if (stream != nullptr && stream->capture != capture) continue;
    capture->invalidated = true;
    result = cudaErrorStreamCaptureUnsupported;
  }
  return result;
}

cudaError_t check_unsafe_call() {
  const std::lock_guard lock(stream_mutex());
  if (thread_mode == cudaStreamCaptureModeRelaxed) return cudaSuccess;
  cudaError_t result = cudaSuccess;
  for (const auto& capture : active_captures()) {
    const bool own = capture->owner == std::this_thread::get_id();
    const bool in_the_way = own ? capture->mode != cudaStreamCaptureModeRelaxed
                                : capture->mode == cudaStreamCaptureModeGlobal &&
                                      thread_mode == cudaStreamCaptureModeGlobal;
    if (!in_the_way) continue;
    capture->invalidated = true;
    result = cudaErrorStreamCaptureUnsupported;
  }
  return result;
}

cudaStreamCaptureMode exchange_thread_mode(cudaStreamCaptureMode mode) {
  return std::exchange(thread_mode, mode);
}

}  // namespace cuemu::runtime
