// SPDX-License-Identifier: MIT
#include "streams.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "api.hpp"
#include "capture.hpp"
#include "device.hpp"
#include "late_copies.hpp"

namespace cuemu::runtime {
namespace {

constexpr int least_priority = 0, greatest_priority = -5;

// Called with the streams' lock held.
Stream* new_stream(unsigned flags, int priority, int device) {
  static uint64_t next_id = 1;
  auto* const stream = new Stream;
  stream->id = next_id++;
  stream->flags = flags;
  stream->priority = priority;
  stream->device = device;
  return stream;
}

std::unordered_set<const Stream*>& created_streams() {
  static auto* const streams = new std::unordered_set<const Stream*>;
  return *streams;
}

// One for each device.
using StreamOfDevice = std::array<Stream*, most_devices>;

Stream& legacy_stream(int device) {
  static const StreamOfDevice streams = [] {
    StreamOfDevice created{};
    for (int number = 0; number < device_count(); ++number) {
      Stream* const stream = created[static_cast<size_t>(number)] = new Stream;
      stream->device = number;
      stream->legacy = true;
    }
    return created;
  }();
  return *streams[static_cast<size_t>(device)];
}

// Not destroyed with its thread: a capture that the thread left open may still refer to it.
Stream& stream_of_this_thread(int device) {
  thread_local StreamOfDevice streams{};
  Stream*& stream = streams[static_cast<size_t>(device)];
  if (stream == nullptr) stream = new_stream(cudaStreamDefault, 0, device);
  return *stream;
}

// Called with the streams' lock held. All that the stream has to do is done then.
cudaError_t wait_for(Stream& stream) {
  const cudaError_t result =
      stream.capture != nullptr ? check_waiting(&stream) : check_implicit_dependency(stream);
  if (result == cudaSuccess) {
    land(copies_before(stream));
    stream.kernel_time = 0;
  }
  return result;
}

// Kernels launched before the present time have ended, and so has what is ordered before a kernel in the legacy stream.
uint64_t& present_time() {
  static uint64_t time = 1;
  return time;
}

// A kernel may begin early only if what comes before it in its stream is a kernel, and nothing else orders the two.
bool may_overlap(const Stream& stream) {
  if (stream.capture == nullptr) return stream.kernel_time == present_time();
  return stream.tail.size() == 1 &&
         std::holds_alternative<KernelOperation>(stream.tail[0]->operation);
}

void note_operation(Stream& stream, bool is_kernel) {
  if (stream.legacy)
    ++present_time();
  else if ((stream.flags & cudaStreamNonBlocking) == 0)
    legacy_stream(stream.device).kernel_time = 0;
  stream.kernel_time = is_kernel ? present_time() : 0;
}

cudaError_t create(cudaStream_t* handle, unsigned flags, int priority) {
  return api_call([&] {
    if (handle == nullptr || (flags & ~unsigned{cudaStreamNonBlocking}) != 0) {
      return cudaErrorInvalidValue;
    }
    const std::lock_guard lock(stream_mutex());
    const int clamped = std::clamp(priority, greatest_priority, least_priority);
    Stream* const stream = new_stream(flags, clamped, current_device());
    created_streams().insert(stream);
    *handle = reinterpret_cast<cudaStream_t>(stream);
    return cudaSuccess;
  });
}

}  // namespace

std::mutex& stream_mutex() {
  static std::mutex* const mutex = new std::mutex;
  return *mutex;
}

size_t live_streams() {
  const std::lock_guard lock(stream_mutex());
  return created_streams().size();
}

cudaError_t find_stream(cudaStream_t handle, cudaStream_t implicit, Stream*& stream) {
  if (handle == nullptr) handle = implicit;
  const std::lock_guard lock(stream_mutex());
  if (handle == cudaStreamLegacy) {
    stream = &legacy_stream(current_device());
  } else if (handle == cudaStreamPerThread) {
    stream = &stream_of_this_thread(current_device());
  } else {
    stream = reinterpret_cast<Stream*>(handle);
    if (!created_streams().contains(stream)) return cudaErrorInvalidResourceHandle;
  }
  return cudaSuccess;
}

uint64_t number_of(const Stream& stream) {
  // The legacy streams of all devices have the id 0.
  return stream.legacy ? ~static_cast<uint64_t>(stream.device) : stream.id;
}

void all_kernels_have_ended() {
  ++present_time();
}

cudaError_t submit(Stream& stream, Operation operation) {
  {
    const std::lock_guard lock(stream_mutex());
    auto* const kernel = std::get_if<KernelOperation>(&operation);
    if (kernel != nullptr) {
      kernel->stream = number_of(stream);
      kernel->overlaps_previous = kernel->overlaps_previous && may_overlap(stream);
    }
    if (stream.capture != nullptr) {
      if (stream.capture->invalidated) return cudaErrorStreamCaptureInvalidated;
      GraphNode* const node = stream.capture->graph->add(std::move(operation), stream.tail);
      stream.tail = {node};
      return cudaSuccess;
    }
    if (const cudaError_t result = check_implicit_dependency(stream); result != cudaSuccess) {
      return result;
    }
    note_operation(stream, kernel != nullptr);
  }
  land(copies_before(stream));
  const auto* const copy = std::get_if<CopyOperation>(&operation);
  if (copy == nullptr || !may_arrive_late(*copy)) return execute(operation);
  issue_late(stream, *copy);
  return cudaSuccess;
}

cudaError_t submit(cudaStream_t handle, cudaStream_t implicit, Operation operation) {
  Stream* stream = nullptr;
  if (const cudaError_t result = find_stream(handle, implicit, stream); result != cudaSuccess) {
    return result;
  }
  return submit(*stream, std::move(operation));
}

}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_API(cudaStreamCreate, (cudaStream_t * stream),
          { return create(stream, cudaStreamDefault, 0); })

CUEMU_API(cudaStreamCreateWithFlags, (cudaStream_t * stream, unsigned flags),
          { return create(stream, flags, 0); })

CUEMU_API(cudaStreamCreateWithPriority, (cudaStream_t * stream, unsigned flags, int priority),
          { return create(stream, flags, priority); })

CUEMU_API(cudaDeviceGetStreamPriorityRange, (int* least, int* greatest), {
  return api_call([&] {
    if (least != nullptr) *least = least_priority;
    if (greatest != nullptr) *greatest = greatest_priority;
    return cudaSuccess;
  });
})

CUEMU_API(cudaStreamDestroy, (cudaStream_t handle), {
  return api_call([&] {
    const std::lock_guard lock(stream_mutex());
    auto* const stream = reinterpret_cast<Stream*>(handle);
    if (created_streams().erase(stream) == 0) return cudaErrorInvalidResourceHandle;
    abandon_capture(*stream);
    land(copies_before(*stream));
    delete stream;
    return cudaSuccess;
  });
})

CUEMU_STREAM_API(cudaStreamSynchronize, (cudaStream_t stream), {
  return with_stream(stream, implicit_stream, [](Stream& waited) { return wait_for(waited); });
})

CUEMU_STREAM_API(cudaStreamQuery, (cudaStream_t stream), {
  return with_stream(stream, implicit_stream, [](Stream& queried) { return wait_for(queried); });
})

CUEMU_STREAM_API(cudaStreamGetFlags, (cudaStream_t stream, unsigned* flags), {
  return with_stream(stream, implicit_stream, [&](const Stream& queried) {
    *flags = queried.flags;
    return cudaSuccess;
  });
})

CUEMU_STREAM_API(cudaStreamGetPriority, (cudaStream_t stream, int* priority), {
  return with_stream(stream, implicit_stream, [&](const Stream& queried) {
    *priority = queried.priority;
    return cudaSuccess;
  });
})

CUEMU_STREAM_API(cudaStreamGetId, (cudaStream_t stream, unsigned long long* id), {
  return with_stream(stream, implicit_stream, [&](const Stream& queried) {
    *id = queried.id;
    return cudaSuccess;
  });
})

CUEMU_STREAM_API(cudaStreamGetDevice, (cudaStream_t stream, int* device), {
  return with_stream(stream, implicit_stream, [&](const Stream& queried) {
    *device = queried.device;
    return cudaSuccess;
  });
})

CUEMU_STREAM_API(cudaLaunchHostFunc, (cudaStream_t stream, cudaHostFn_t function, void* argument), {
  return api_call([&] {
    if (function == nullptr) return cudaErrorInvalidValue;
    return submit(stream, implicit_stream, HostOperation{function, argument});
  });
})

// A callback, unlike a host function, cannot be captured.
CUEMU_STREAM_API(cudaStreamAddCallback,
                 (cudaStream_t stream, cudaStreamCallback_t callback, void* argument,
                  unsigned flags),
                 {
                   if (callback == nullptr || flags != 0)
                     return pure_call([] { return cudaErrorInvalidValue; });
                   const cudaError_t result = with_stream(
                       stream, implicit_stream, [](Stream& called) { return wait_for(called); });
                   if (result == cudaSuccess) callback(stream, cudaSuccess, argument);
                   return result;
                 })

// All stream attributes are hints for a performance that is not modelled.
CUEMU_STREAM_API(cudaStreamSetAttribute,
                 (cudaStream_t stream, cudaLaunchAttributeID, const cudaLaunchAttributeValue*), {
                   return with_stream(stream, implicit_stream,
                                      [](const Stream&) { return cudaSuccess; });
                 })
