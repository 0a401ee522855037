// SPDX-License-Identifier: MIT
// Copies and fills, synchronous and in streams, by address and by symbol.
#include <type_traits>

#include "api.hpp"
#include "capture.hpp"
#include "memory.hpp"
#include "modules.hpp"
#include "streams.hpp"

namespace cuemu::runtime {
namespace {

CopyOperation linear_copy(void* destination, const void* source, size_t bytes,
                          cudaMemcpyKind kind) {
  return {.destination = static_cast<std::byte*>(destination),
          .source = static_cast<const std::byte*>(source),
          .width = bytes,
          .kind = kind};
}

CopyOperation pitched_copy(void* destination, size_t destination_pitch, const void* source,
                           size_t source_pitch, size_t width, size_t rows, cudaMemcpyKind kind) {
  return {.destination = static_cast<std::byte*>(destination),
          .source = static_cast<const std::byte*>(source),
          .destination_pitch = destination_pitch,
          .source_pitch = source_pitch,
          .width = width,
          .rows = rows,
          .kind = kind};
}

FillOperation byte_fill(void* destination, size_t pitch, int value, size_t width, size_t rows) {
  return {.destination = static_cast<std::byte*>(destination),
          .pitch = pitch,
          .value = static_cast<uint8_t>(value),
          .width = width,
          .rows = rows};
}

// A copy may go from one device's memory to another's, by way of the host. A fill is a kernel's work.
cudaError_t check(const Stream&, const CopyOperation& copy) {
  return check_copy(copy);
}
cudaError_t check(const Stream& stream, const FillOperation& fill) {
  return check_fill_by(stream.device, fill);
}

// Bad addresses are refused at the call, also when the stream is being captured.
template <typename Chosen>
cudaError_t enqueue(const Chosen& operation, cudaStream_t stream, cudaStream_t implicit_stream) {
  return api_call([&] {
    Stream* found = nullptr;
    cudaError_t result = find_stream(stream, implicit_stream, found);
    if (result == cudaSuccess) result = check(*found, operation);
    return result == cudaSuccess ? submit(*found, operation) : result;
  });
}

// Outside any stream as far as captures are concerned, but after all earlier work.
template <typename Chosen>
cudaError_t run_synchronously(Chosen operation, cudaStream_t implicit_stream) {
  return api_call([&] {
    if constexpr (std::is_same_v<Chosen, CopyOperation>) operation.synchronous = true;
    Stream* stream = nullptr;
    if (const cudaError_t result = find_stream(implicit_stream, implicit_stream, stream);
        result != cudaSuccess) {
      return result;
    }
    {
      const std::lock_guard lock(stream_mutex());
      const cudaError_t result =
          stream->capture != nullptr ? check_waiting(stream) : check_implicit_dependency(*stream);
      if (result != cudaSuccess) return result;
    }
    if (const cudaError_t result = check_unsafe_call(); result != cudaSuccess) return result;
    if (const cudaError_t result = check(*stream, operation); result != cudaSuccess) return result;
    return submit(*stream, operation);
  });
}

cudaError_t symbol_range(const void* symbol, size_t bytes, size_t offset, std::byte*& start) {
  Variable storage;
  if (const cudaError_t result = find_symbol(symbol, storage); result != cudaSuccess) return result;
  if (offset > storage.size || bytes > storage.size - offset) return cudaErrorInvalidValue;
  start = static_cast<std::byte*>(storage.address) + offset;
  return cudaSuccess;
}

// What a copy from or to a symbol means without its device side.
cudaError_t copy_to_symbol(const void* symbol, const void* source, size_t bytes, size_t offset,
                           cudaMemcpyKind kind, CopyOperation& copy) {
  if (kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyHostToHost) {
    return cudaErrorInvalidMemcpyDirection;
  }
  std::byte* start = nullptr;
  const cudaError_t result = symbol_range(symbol, bytes, offset, start);
  if (result == cudaSuccess) copy = linear_copy(start, source, bytes, kind);
  return result;
}

cudaError_t copy_from_symbol(void* destination, const void* symbol, size_t bytes, size_t offset,
                             cudaMemcpyKind kind, CopyOperation& copy) {
  if (kind == cudaMemcpyHostToDevice || kind == cudaMemcpyHostToHost) {
    return cudaErrorInvalidMemcpyDirection;
  }
  std::byte* start = nullptr;
  const cudaError_t result = symbol_range(symbol, bytes, offset, start);
  if (result == cudaSuccess) copy = linear_copy(destination, start, bytes, kind);
  return result;
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu;
using namespace cuemu::runtime;

CUEMU_STREAM_API_AS(cudaMemcpy, cudaMemcpy_ptds,
                    (void* destination, const void* source, size_t bytes, cudaMemcpyKind kind), {
                      return run_synchronously(linear_copy(destination, source, bytes, kind),
                                               implicit_stream);
                    })

CUEMU_STREAM_API(
    cudaMemcpyAsync,
    (void* destination, const void* source, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream),
    { return enqueue(linear_copy(destination, source, bytes, kind), stream, implicit_stream); })

CUEMU_STREAM_API_AS(cudaMemcpy2D, cudaMemcpy2D_ptds,
                    (void* destination, size_t destination_pitch, const void* source,
                     size_t source_pitch, size_t width, size_t rows, cudaMemcpyKind kind),
                    {
                      return run_synchronously(pitched_copy(destination, destination_pitch, source,
                                                            source_pitch, width, rows, kind),
                                               implicit_stream);
                    })

CUEMU_STREAM_API(cudaMemcpy2DAsync,
                 (void* destination, size_t destination_pitch, const void* source,
                  size_t source_pitch, size_t width, size_t rows, cudaMemcpyKind kind,
                  cudaStream_t stream),
                 {
                   return enqueue(pitched_copy(destination, destination_pitch, source, source_pitch,
                                               width, rows, kind),
                                  stream, implicit_stream);
                 })

CUEMU_STREAM_API_AS(cudaMemset, cudaMemset_ptds, (void* destination, int value, size_t bytes), {
  return run_synchronously(byte_fill(destination, 0, value, bytes, 1), implicit_stream);
})

CUEMU_STREAM_API(cudaMemsetAsync, (void* destination, int value, size_t bytes, cudaStream_t stream),
                 {
                   return enqueue(byte_fill(destination, 0, value, bytes, 1), stream,
                                  implicit_stream);
                 })

CUEMU_STREAM_API_AS(cudaMemset2D, cudaMemset2D_ptds,
                    (void* destination, size_t pitch, int value, size_t width, size_t rows), {
                      return run_synchronously(byte_fill(destination, pitch, value, width, rows),
                                               implicit_stream);
                    })

CUEMU_STREAM_API(
    cudaMemset2DAsync,
    (void* destination, size_t pitch, int value, size_t width, size_t rows, cudaStream_t stream),
    { return enqueue(byte_fill(destination, pitch, value, width, rows), stream, implicit_stream); })

CUEMU_STREAM_API_AS(
    cudaMemcpyToSymbol, cudaMemcpyToSymbol_ptds,
    (const void* symbol, const void* source, size_t bytes, size_t offset, cudaMemcpyKind kind), {
      CopyOperation copy;
      const cudaError_t result =
          api_call([&] { return copy_to_symbol(symbol, source, bytes, offset, kind, copy); });
      return result != cudaSuccess ? result : run_synchronously(copy, implicit_stream);
    })

CUEMU_STREAM_API(cudaMemcpyToSymbolAsync,
                 (const void* symbol, const void* source, size_t bytes, size_t offset,
                  cudaMemcpyKind kind, cudaStream_t stream),
                 {
                   CopyOperation copy;
                   const cudaError_t result = api_call(
                       [&] { return copy_to_symbol(symbol, source, bytes, offset, kind, copy); });
                   return result != cudaSuccess ? result : enqueue(copy, stream, implicit_stream);
                 })

CUEMU_STREAM_API_AS(
    cudaMemcpyFromSymbol, cudaMemcpyFromSymbol_ptds,
    (void* destination, const void* symbol, size_t bytes, size_t offset, cudaMemcpyKind kind), {
      CopyOperation copy;
      const cudaError_t result = api_call(
          [&] { return copy_from_symbol(destination, symbol, bytes, offset, kind, copy); });
      return result != cudaSuccess ? result : run_synchronously(copy, implicit_stream);
    })

CUEMU_STREAM_API(cudaMemcpyFromSymbolAsync,
                 (void* destination, const void* symbol, size_t bytes, size_t offset,
                  cudaMemcpyKind kind, cudaStream_t stream),
                 {
                   CopyOperation copy;
                   const cudaError_t result = api_call([&] {
                     return copy_from_symbol(destination, symbol, bytes, offset, kind, copy);
                   });
                   return result != cudaSuccess ? result : enqueue(copy, stream, implicit_stream);
                 })

CUEMU_API(cudaGetSymbolAddress, (void** address, const void* symbol), {
  return api_call([&] {
    if (address == nullptr) return cudaErrorInvalidValue;
    Variable storage;
    const cudaError_t result = find_symbol(symbol, storage);
    *address = storage.address;
    return result;
  });
})

CUEMU_API(cudaGetSymbolSize, (size_t * size, const void* symbol), {
  return api_call([&] {
    if (size == nullptr) return cudaErrorInvalidValue;
    Variable storage;
    const cudaError_t result = find_symbol(symbol, storage);
    *size = storage.size;
    return result;
  });
})
