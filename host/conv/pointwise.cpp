// SPDX-License-Identifier: MIT
#include "foldconv/pointwise.hpp"

#include <algorithm>
#include <cmath>

#include "base/device.hpp"
#include "base/enum_checks.hpp"
#include "base/error.hpp"
#include "base/pitch.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "base/trace.hpp"
#include "catalog/launch.hpp"
#include "catalog/registry.hpp"
#include "catalog/supported_device.hpp"
#include "conv/arguments.hpp"
#include "params/conv_params.hpp"

namespace foldconv::pointwise {
namespace {

using host::Buffer;
using host::guarded;
using host::invalid;
using host::PointwiseOp;
using host::text;

Status check_tensors(DataType dtype, const Shape& shape, const Pitches& pitch) {
  if (Status status = host::check_data_type(dtype); !status.ok()) return status;
  const std::string value =
      text("n = ", shape.n, ", h = ", shape.h, ", w = ", shape.w, ", c = ", shape.c);
  for (const int size : {shape.n, shape.h, shape.w, shape.c}) {
    if (size < 1) return invalid("every size must be at least 1", value, "give a dense NHWC shape");
  }
  const struct {
    const char* name;
    int value;
  } pitches[] = {{"pitch.x", pitch.x}, {"pitch.residual", pitch.residual}, {"pitch.y", pitch.y}};
  for (const auto& each : pitches) {
    if (Status status = host::check_pitch(each.name, each.value, "c", shape.c, dtype);
        !status.ok()) {
      return status;
    }
  }
  const int widest = std::max({shape.c, pitch.x, pitch.residual, pitch.y});
  const auto bytes = host::checked_product(
      {shape.n, shape.h, shape.w, widest, static_cast<std::int64_t>(size_of(dtype))});
  if (!bytes) return invalid("the tensor is 2^63 bytes or more", value, "use smaller sizes");
  return {};
}

Status check_input(const Buffer& input, const Buffer& y) {
  if (Status status = host::check_pointer(input, kAlignmentBytes); !status.ok()) return status;
  return host::check_overlap(input, y, host::Overlap::in_place);
}

// Checks the tensors of `params` and launches; what is particular to an operation is already there.
Status run(PointwiseOp op, DataType dtype, const Shape& shape, PointwiseParams params,
           const Pitches& pitch, cudaStream_t stream) {
  if (Status status = check_tensors(dtype, shape, pitch); !status.ok()) return status;
  params.c = shape.c;
  host::set_pitches(params, pitch);
  const Buffer x = host::tensor_buffer("x", params.x, shape, params.x_pitch, dtype);
  const Buffer z = host::tensor_buffer("z", params.z, shape, params.z_pitch, dtype);
  const Buffer y = host::tensor_buffer("y", params.y, shape, params.y_pitch, dtype);
  if (Status status = host::check_pointer(y, kAlignmentBytes); !status.ok()) return status;
  if (Status status = check_input(x, y); !status.ok()) return status;
  if (op == PointwiseOp::add) {
    if (Status status = check_input(z, y); !status.ok()) return status;
  }

  const Result<host::DeviceFigures> figures = host::current_figures();
  if (!figures.ok()) return figures.status();

  params.elements = shape.elements();
  const std::int64_t chunk = static_cast<std::int64_t>(kAlignmentBytes / size_of(dtype));
  const std::uint32_t grid =
      host::loop_grid(host::ceil_div(params.elements, chunk), kPointwiseThreads, *figures);
  const host::PointwiseKernel* kernel = host::find_pointwise_kernel(op, dtype, *figures);
  const host::TraceRange range(kernel->name);
  return host::launch(kernel->entry, {.grid = grid, .threads = kPointwiseThreads}, &params, stream);
}

}  // namespace

Status prepare(DataType dtype) {
  return guarded([&]() -> Status {
    if (Status status = host::check_data_type(dtype); !status.ok()) return status;
    const Result<host::DeviceFigures> figures = host::current_figures();
    if (!figures.ok()) return figures.status();
    for (const host::PointwiseKernel* kernel :
         host::kernels_for(host::pointwise_kernels(), dtype, *figures)) {
      const auto prepared = host::prepare_kernel(kernel->entry(), kPointwiseThreads, 0, *figures);
      if (!prepared.ok()) return prepared.status();
    }
    return {};
  });
}

Status batch_norm(DataType dtype, const Shape& shape, const void* x, const BatchNormArrays& arrays,
                  void* y, cudaStream_t stream, const Pitches& pitch) {
  return guarded([&]() -> Status {
    const std::int64_t array_bytes = std::int64_t{shape.c} * std::int64_t{sizeof(float)};
    for (const Buffer& array :
         {Buffer{"gamma", arrays.gamma, array_bytes}, Buffer{"beta", arrays.beta, array_bytes},
          Buffer{"mean", arrays.mean, array_bytes},
          Buffer{"variance", arrays.variance, array_bytes}}) {
      if (Status status = host::check_pointer(array, alignof(float)); !status.ok()) return status;
    }
    if (!std::isfinite(arrays.eps) || arrays.eps < 0) {
      return invalid("eps must be finite and at least 0", text("eps = ", arrays.eps),
                     "pass the eps that the network was trained with, such as 1e-5");
    }
    PointwiseParams params = {};
    params.x = x;
    params.y = y;
    params.gamma = arrays.gamma;
    params.beta = arrays.beta;
    params.mean = arrays.mean;
    params.variance = arrays.variance;
    params.eps = arrays.eps;
    return run(PointwiseOp::batch_norm, dtype, shape, params, pitch, stream);
  });
}

Status add(DataType dtype, const Shape& shape, const void* x, const void* z, void* y,
           cudaStream_t stream, const Pitches& pitch) {
  return guarded([&]() -> Status {
    PointwiseParams params = {};
    params.x = x;
    params.z = z;
    params.y = y;
    return run(PointwiseOp::add, dtype, shape, params, pitch, stream);
  });
}

Status activate(DataType dtype, const Shape& shape, const Activation& activation, const void* x,
                void* y, cudaStream_t stream, const Pitches& pitch) {
  return guarded([&]() -> Status {
    if (Status status = host::check_activation(activation); !status.ok()) return status;
    PointwiseParams params = {};
    params.x = x;
    params.y = y;
    params.activation = host::activation_params(activation);
    return run(PointwiseOp::activate, dtype, shape, params, pitch, stream);
  });
}

}  // namespace foldconv::pointwise
