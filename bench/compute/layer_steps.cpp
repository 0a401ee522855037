#include "compute/layer_steps.hpp"

#include <span>
#include <utility>

namespace foldconv::tool {
namespace {

using Tensors = std::vector<Step::Tensor>;

Result<DeviceBuffer> upload_floats(std::span<const float> values, std::size_t size,
                                   float otherwise) {
  const std::vector<float> all = values.empty() ? std::vector<float>(size, otherwise)
                                                : std::vector<float>(values.begin(), values.end());
  return DeviceBuffer::upload(std::as_bytes(std::span(all)));
}

}  // namespace

Result<DeviceBatchNorm> DeviceBatchNorm::upload(const BatchNorm& batch_norm) {
  const std::size_t channels = batch_norm.variance.size();
  DeviceBatchNorm uploaded;
  const struct {
    DeviceBuffer* buffer;
    std::span<const float> values;
    float otherwise;
  } arrays[] = {{&uploaded.gamma, batch_norm.gamma, 1},
                {&uploaded.beta, batch_norm.beta, 0},
                {&uploaded.mean, batch_norm.mean, 0},
                {&uploaded.variance, batch_norm.variance, 1}};
  for (const auto& [buffer, values, otherwise] : arrays) {
    Result<DeviceBuffer> made = upload_floats(values, channels, otherwise);
    if (!made) return made.status();
    *buffer = std::move(*made);
  }
  uploaded.eps = static_cast<float>(batch_norm.eps.value);
  return uploaded;
}

pointwise::BatchNormArrays DeviceBatchNorm::arrays() const {
  const auto array = [](const DeviceBuffer& buffer) {
    return static_cast<const float*>(buffer.data());
  };
  return {array(gamma), array(beta), array(mean), array(variance), eps};
}

Step conv_step(const ConvPlan& plan, ConvStep step) {
  const ConvProblem& problem = plan.problem();
  const Images x{problem.dtype, problem.input(), step.distinct};
  const Images y{problem.dtype, problem.output(), step.distinct};
  std::vector<const DeviceBuffer*> reads = {step.x};
  if (problem.residual) reads.push_back(step.residual);
  return {.what = plan.explanation().kernel,
          .launch =
              [plan, step](cudaStream_t stream) {
                return plan.run(
                    {.x = step.x->data(),
                     .residual = plan.problem().residual ? step.residual->data() : nullptr,
                     .y = step.y->data(),
                     .workspace = step.workspace->data(),
                     .workspace_bytes = step.workspace->bytes()},
                    stream);
              },
          .reads = std::move(reads),
          .writes = step.y,
          .judge =
              [x, y, expected = step.expected](const Tensors& read, const Step::Tensor& written) {
                return judge(
                    y,
                    expected(x.distinct_values(read[0]),
                             read.size() > 1 ? y.distinct_values(read[1]) : std::vector<float>()),
                    written);
              }};
}

Step batch_norm_step(const Images& images, const DeviceBatchNorm& arrays,
                     const BatchNorm& batch_norm, const DeviceBuffer& y) {
  return {.what = "batch_norm",
          .launch =
              [images, on_device = arrays.arrays(), at = y.data()](cudaStream_t stream) {
                return pointwise::batch_norm(images.dtype, images.shape, at, on_device, at, stream);
              },
          .reads = {&y},
          .writes = &y,
          .judge =
              [images, batch_norm](const Tensors& read, const Step::Tensor& written) {
                return judge(
                    images,
                    expected_batch_norm(images.dtype, images.distinct_values(read[0]), batch_norm),
                    written);
              }};
}

Step add_step(const Images& images, const DeviceBuffer& z, const DeviceBuffer& y) {
  return {.what = "add",
          .launch =
              [images, from = z.data(), at = y.data()](cudaStream_t stream) {
                return pointwise::add(images.dtype, images.shape, at, from, at, stream);
              },
          .reads = {&y, &z},
          .writes = &y,
          .judge =
              [images](const Tensors& read, const Step::Tensor& written) {
                return judge(images,
                             expected_add(images.dtype, images.distinct_values(read[0]),
                                          images.distinct_values(read[1])),
                             written);
              }};
}

Step activation_step(const Images& images, Activation activation, float alpha,
                     const DeviceBuffer& y) {
  return {.what = to_string(activation),
          .launch =
              [images, activation, alpha, at = y.data()](cudaStream_t stream) {
                return pointwise::activate(images.dtype, images.shape, activation, alpha, at, at,
                                           stream);
              },
          .reads = {&y},
          .writes = &y,
          .judge =
              [images, activation, alpha](const Tensors& read, const Step::Tensor& written) {
                return judge(images,
                             expected_activation(images.dtype, activation, alpha,
                                                 images.distinct_values(read[0])),
                             written);
              }};
}

}  // namespace foldconv::tool
