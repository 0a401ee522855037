// SPDX-License-Identifier: MIT
// Events: times on the host's clock, and the joints between captured streams.
#include "events.hpp"

#include <chrono>
#include <unordered_set>

#include "api.hpp"
#include "capture.hpp"
#include "device.hpp"
#include "late_copies.hpp"

namespace cuemu::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// cudaEvent_t points to one. Guarded by stream_mutex().
struct Event {
  unsigned flags = cudaEventDefault;
  int device = 0;
  bool recorded = false;
  Clock::time_point time;
  LateCopies copies;  // what it waits for

  // Set when it was last recorded in a stream that was being captured.
  std::shared_ptr<Capture> capture;
  std::vector<GraphNode*> nodes;
};

std::unordered_set<const Event*>& created_events() {
  static auto* const events = new std::unordered_set<const Event*>;
  return *events;
}

cudaError_t create(cudaEvent_t* handle, unsigned flags) {
  return api_call([&] {
    constexpr unsigned known_flags =
        cudaEventBlockingSync | cudaEventDisableTiming | cudaEventInterprocess;
    if (handle == nullptr || (flags & ~known_flags) != 0) return cudaErrorInvalidValue;
    if ((flags & cudaEventInterprocess) != 0) return not_supported("an interprocess event");
    auto* const event = new Event;
    event->flags = flags;
    event->device = current_device();
    const std::lock_guard lock(stream_mutex());
    created_events().insert(event);
    *handle = reinterpret_cast<cudaEvent_t>(event);
    return cudaSuccess;
  });
}

// nullptr when there is no such event. Call with stream_mutex() held.
Event* find_event(cudaEvent_t handle) {
  auto* const event = reinterpret_cast<Event*>(handle);
  return created_events().contains(event) ? event : nullptr;
}

void mark_now(Event& event) {
  event.capture.reset();
  event.nodes.clear();
  event.copies.clear();
  event.recorded = true;
  event.time = Clock::now();
}

cudaError_t record(Event& event, Stream& stream) {
  if (event.device != stream.device) return cudaErrorInvalidResourceHandle;
  if (stream.capture != nullptr) {
    if (stream.capture->invalidated) return cudaErrorStreamCaptureInvalidated;
    event.capture = stream.capture;
    event.nodes = stream.tail;
    return cudaSuccess;
  }
  if (const cudaError_t result = check_implicit_dependency(stream); result != cudaSuccess) {
    return result;
  }
  mark_now(event);
  event.copies = copies_before(stream);
  return cudaSuccess;
}

cudaError_t wait(Stream& stream, const Event& event) {
  if (event.capture != nullptr) return join_capture(stream, event.capture, event.nodes);
  if (stream.capture != nullptr) {
    if (stream.capture->invalidated) return cudaErrorStreamCaptureInvalidated;
    if (!event.recorded) return cudaSuccess;
    stream.capture->invalidated = true;
    return cudaErrorStreamCaptureIsolation;
  }
  const cudaError_t result = check_implicit_dependency(stream);
  if (result == cudaSuccess) land(event.copies);
  return result;
}

// Eager execution: a recorded event is complete, unless it exists only in a capture, as soon as late
// copies before it have arrived.
cudaError_t check_complete(cudaEvent_t handle) {
  return api_call([&] {
    {
      const std::lock_guard lock(stream_mutex());
      const Event* const event = find_event(handle);
      if (event == nullptr) return cudaErrorInvalidResourceHandle;
      if (event->capture != nullptr) {
        event->capture->invalidated = true;
        return cudaErrorCapturedEvent;
      }
      land(event->copies);
      all_kernels_have_ended();
    }
    return check_unsafe_call();
  });
}

cudaError_t with_event_and_stream(cudaEvent_t event_handle, cudaStream_t stream_handle,
                                  cudaStream_t implicit_stream, auto&& body) {
  return api_call([&] {
    Stream* stream = nullptr;
    if (const cudaError_t result = find_stream(stream_handle, implicit_stream, stream);
        result != cudaSuccess) {
      return result;
    }
    const std::lock_guard lock(stream_mutex());
    Event* const event = find_event(event_handle);
    return event != nullptr ? body(*event, *stream) : cudaErrorInvalidResourceHandle;
  });
}

// In a capture: a node that does to the event what the same call does outside a capture.
cudaError_t capture_external(cudaEvent_t event, cudaStream_t stream, cudaStream_t implicit_stream,
                             Operation operation) {
  const cudaError_t known = with_event_and_stream(
      event, stream, implicit_stream, [](const Event&, const Stream&) { return cudaSuccess; });
  if (known != cudaSuccess) return known;
  return api_call([&] { return submit(stream, implicit_stream, std::move(operation)); });
}

}  // namespace

size_t live_events() {
  const std::lock_guard lock(stream_mutex());
  return created_events().size();
}

cudaError_t record_event(cudaEvent_t handle) {
  const std::lock_guard lock(stream_mutex());
  Event* const event = find_event(handle);
  if (event == nullptr) return cudaErrorInvalidResourceHandle;
  mark_now(*event);
  return cudaSuccess;
}

}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_API(cudaEventCreate, (cudaEvent_t * event), { return create(event, cudaEventDefault); })

CUEMU_API(cudaEventCreateWithFlags, (cudaEvent_t * event, unsigned flags),
          { return create(event, flags); })

CUEMU_API(cudaEventDestroy, (cudaEvent_t handle), {
  return api_call([&] {
    const std::lock_guard lock(stream_mutex());
    Event* const event = find_event(handle);
    if (event == nullptr) return cudaErrorInvalidResourceHandle;
    created_events().erase(event);
    delete event;
    return cudaSuccess;
  });
})

CUEMU_STREAM_API(cudaEventRecord, (cudaEvent_t event, cudaStream_t stream),
                 { return with_event_and_stream(event, stream, implicit_stream, record); })

CUEMU_STREAM_API(cudaEventRecordWithFlags, (cudaEvent_t event, cudaStream_t stream, unsigned flags),
                 {
                   if (flags == cudaEventRecordExternal) {
                     return capture_external(event, stream, implicit_stream,
                                             EventRecordOperation{event});
                   }
                   if (flags != cudaEventRecordDefault)
                     return pure_call([] { return cudaErrorInvalidValue; });
                   return with_event_and_stream(event, stream, implicit_stream, record);
                 })

CUEMU_STREAM_API(cudaStreamWaitEvent, (cudaStream_t stream, cudaEvent_t event, unsigned flags), {
  if (flags == cudaEventWaitExternal) {
    return capture_external(event, stream, implicit_stream, EventWaitOperation{event});
  }
  if (flags != cudaEventWaitDefault) return pure_call([] { return cudaErrorInvalidValue; });
  return with_event_and_stream(
      event, stream, implicit_stream,
      [](const Event& awaited, Stream& waiting) { return wait(waiting, awaited); });
})

CUEMU_API(cudaEventQuery, (cudaEvent_t event), { return check_complete(event); })

CUEMU_API(cudaEventSynchronize, (cudaEvent_t event), { return check_complete(event); })

CUEMU_API(cudaEventElapsedTime, (float* milliseconds, cudaEvent_t start, cudaEvent_t end), {
  return api_call([&] {
    if (milliseconds == nullptr) return cudaErrorInvalidValue;
    const std::lock_guard lock(stream_mutex());
    const Event* const first = find_event(start);
    const Event* const last = find_event(end);
    if (first == nullptr || last == nullptr || !first->recorded || !last->recorded ||
        first->device != last->device ||
        ((first->flags | last->flags) & cudaEventDisableTiming) != 0) {
      return cudaErrorInvalidResourceHandle;
    }
    if (first->capture != nullptr || last->capture != nullptr) return cudaErrorCapturedEvent;
    *milliseconds = std::chrono::duration<float, std::milli>(last->time - first->time).count();
    return cudaSuccess;
  });
})
