// SPDX-License-Identifier: MIT
#include "foldconv/pointwise.hpp"

#include <cmath>

#include "base/device.hpp"
#include "base/enum_checks.hpp"
#include "base/error.hpp"
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

// Bytes of a tensor.
Result<std::int64_t> tensor_bytes(DataType dtype, const Shape& shape) {
  if (Status status = host::check_data_type(dtype); !status.ok()) return status;
  const std::string value =
      text("n = ", shape.n, ", h = ", shape.h, ", w = ", shape.w, ", c = ", shape.c);
  for (const int size : {shape.n, shape.h, shape.w, shape.c}) {
    if (size < 1) return invalid("every size must be at least 1", value, "give a dense NHWC shape");
  }
  const auto bytes = host::checked_product(
      {shape.n, shape.h, shape.w, shape.c, static_cast<std::int64_t>(size_of(dtype))});
  if (!bytes) return invalid("the tensor is 2^63 bytes or more", value, "use smaller sizes");
  return *bytes;
}

Status check_input(const Buffer& input, const Buffer& y) {
  if (Status status = host::check_pointer(input, kAlignmentBytes); !status.ok()) return status;
  return host::check_overlap(input, y, host::Overlap::in_place);
}

// Checks the tensors of `params` and launches; what is particular to an operation is already there.
Status run(PointwiseOp op, DataType dtype, const Shape& shape, PointwiseParams params,
           cudaStream_t stream) {
  const Result<std::int64_t> bytes = tensor_bytes(dtype, shape);
  if (!bytes.ok()) return bytes.status();
  const Buffer x = {"x", params.x, *bytes};
  const Buffer z = {"z", params.z, *bytes};
  const Buffer y = {"y", params.y, *bytes};
  if (Status status = host::check_pointer(y, kAlignmentBytes); !status.ok()) return status;
  if (Status status = check_input(x, y); !status.ok()) return status;
  if (op == PointwiseOp::add) {
    if (Status status = check_input(z, y); !status.ok()) return status;
  }

  const Result<host::DeviceFigures> figures = host::current_figures();
  if (!figures.ok()) return figures.status();

  params.elements = shape.elements();
  params.c = shape.c;
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
                  void* y, cudaStream_t stream) {
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
    return run(PointwiseOp::batch_norm, dtype, shape, params, stream);
  });
}

Status add(DataType dtype, const Shape& shape, const void* x, const void* z, void* y,
           cudaStream_t stream) {
  return guarded([&]() -> Status {
    PointwiseParams params = {};
    params.x = x;
    params.z = z;
    params.y = y;
    return run(PointwiseOp::add, dtype, shape, params, stream);
  });
}

Status activate(DataType dtype, const Shape& shape, const Activation& activation, const void* x,
                void* y, cudaStream_t stream) {
  return guarded([&]() -> Status {
    if (Status status = host::check_activation(activation); !status.ok()) return status;
    PointwiseParams params = {};
    params.x = x;
    params.y = y;
    params.activation = host::activation_params(activation);
    return run(PointwiseOp::activate, dtype, shape, params, stream);
  });
}

}  // namespace foldconv::pointwise
