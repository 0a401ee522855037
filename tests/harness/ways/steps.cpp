// SPDX-License-Identifier: MIT
#include "harness/ways/steps.hpp"

#include <utility>

#include "harness/oracle/pointwise.hpp"
#include "harness/problem/walk.hpp"

namespace foldconv::harness {
namespace {

using Read = std::vector<Bytes>;

std::vector<float> copy(std::span<const float> values) {
  return {values.begin(), values.end()};
}

// One element after another: `computed(i)` is the value before the store.
template <class Computed>
oracle::Expected stored(DataType dtype, std::size_t size, Computed computed) {
  oracle::Expected expected;
  for (std::size_t i = 0; i < size; ++i) {
    const oracle::Bounded element = oracle::store(dtype, computed(i));
    expected.y.push_back(element.value);
    expected.bound.push_back(element.error);
  }
  return expected;
}

oracle::Expected expected_batch_norm(DataType dtype, const std::vector<float>& x,
                                     const BatchNorm& batch_norm) {
  const auto eps = static_cast<float>(batch_norm.eps.value);
  return stored(dtype, x.size(), [&](std::size_t i) {
    const std::size_t k = i % batch_norm.variance.size();
    return oracle::batch_norm(x[i], batch_norm.gamma.empty() ? 1 : batch_norm.gamma[k],
                              batch_norm.beta.empty() ? 0 : batch_norm.beta[k], batch_norm.mean[k],
                              batch_norm.variance[k], eps);
  });
}

// What a way writes on its way through a problem.
class Builder {
 public:
  Builder(const std::string& name, const Problem& problem, Tensors& tensors)
      : problem_(problem), tensors_(tensors) {
    way.name = name;
  }

  Images output_of(const LineConv& conv) const {
    return {problem_.dtype(), conv.problem.output(), problem_.distinct};
  }
  const DeviceBuffer& allocate(const Images& images) {
    const DeviceBuffer& buffer = tensors_.allocate(images.bytes());
    way.writes.push_back(&buffer);
    return buffer;
  }
  void add(const LineConv& conv, Step step) {
    step.what.insert(0, conv_prefix(problem_, conv));
    way.steps.push_back(std::move(step));
  }
  template <class Run>
  Way walk(Run&& run) {
    harness::walk(problem_, &tensors_.x(), &tensors_.residual(),
                  [&](const LineConv& conv, const DeviceBuffer* x,
                      const DeviceBuffer* const* residual) -> const DeviceBuffer* {
                    return run(conv, *x, residual == nullptr ? nullptr : *residual);
                  });
    return std::move(way);
  }

  Way way;

 private:
  const Problem& problem_;
  Tensors& tensors_;
};

}  // namespace

ExpectedConv expected_conv(const ConvProblem& problem, int distinct, const FoldedConv& folded) {
  ConvProblem of_distinct = problem;
  of_distinct.n = distinct;
  return [of_distinct, folded](std::vector<float> x, std::vector<float> residual) {
    return oracle::conv(of_distinct, {.x = std::move(x),
                                      .weights = copy(folded.weights()),
                                      .scale = copy(folded.scale()),
                                      .bias = copy(folded.bias()),
                                      .residual = std::move(residual)});
  };
}

Step conv_step(const ConvProblem& problem, int distinct, const std::string& what,
               const DeviceBuffer& x, const DeviceBuffer* residual, const DeviceBuffer& y,
               ExpectedConv expected, Launch launch, Copies copies) {
  const Images in{problem.dtype, problem.input(), distinct};
  const Images out{problem.dtype, problem.output(), distinct};
  std::vector<const DeviceBuffer*> reads = {&x};
  if (residual != nullptr) reads.push_back(residual);
  return {.what = what,
          .launch = std::move(launch),
          .reads = std::move(reads),
          .writes = &y,
          .judge =
              [=](const Read& read, const Bytes& written) {
                return judge(
                    out,
                    expected(in.distinct_values(read[0]),
                             read.size() > 1 ? out.distinct_values(read[1]) : std::vector<float>()),
                    written, copies);
              },
          .work = work_of(problem)};
}

Step batch_norm_step(const Images& images, const BatchNorm& batch_norm, const DeviceBuffer& x,
                     const DeviceBuffer& y, Launch launch, Copies copies) {
  return {.what = "batch_norm",
          .launch = std::move(launch),
          .reads = {&x},
          .writes = &y,
          .judge =
              [=](const Read& read, const Bytes& written) {
                return judge(
                    images,
                    expected_batch_norm(images.dtype, images.distinct_values(read[0]), batch_norm),
                    written, copies);
              },
          .work = batch_norm_work(images)};
}

Step add_step(const Images& images, const DeviceBuffer& z, const DeviceBuffer& y, Launch launch,
              Copies copies) {
  return {.what = "add",
          .launch = std::move(launch),
          .reads = {&y, &z},
          .writes = &y,
          .judge =
              [=](const Read& read, const Bytes& written) {
                const std::vector<float> a = images.distinct_values(read[0]);
                const std::vector<float> b = images.distinct_values(read[1]);
                return judge(images,
                             stored(images.dtype, a.size(),
                                    [&](std::size_t i) { return oracle::add(a[i], b[i]); }),
                             written, copies);
              },
          .work = add_work(images)};
}

Step activation_step(const Images& images, const Activation& activation, const DeviceBuffer& y,
                     Launch launch, Copies copies, Allowance allowance) {
  return {.what = to_string(activation.kind),
          .launch = std::move(launch),
          .reads = {&y},
          .writes = &y,
          .judge =
              [=](const Read& read, const Bytes& written) {
                const std::vector<float> x = images.distinct_values(read[0]);
                oracle::Expected expected = stored(images.dtype, x.size(), [&](std::size_t i) {
                  return oracle::activate(activation, {.value = x[i], .error = 0});
                });
                if (allowance) allowance(x, expected);
                return judge(images, expected, written, copies);
              },
          .work = activation_work(images)};
}

DeviceBatchNorm upload(const BatchNorm& batch_norm, Tensors& tensors) {
  const auto array = [&](std::span<const float> values, float otherwise) {
    const std::vector<float> filled(batch_norm.variance.size(), otherwise);
    return &tensors.upload(std::as_bytes(values.empty() ? std::span<const float>(filled) : values));
  };
  return {array(batch_norm.gamma, 1), array(batch_norm.beta, 0), array(batch_norm.mean, 0),
          array(batch_norm.variance, 1), static_cast<float>(batch_norm.eps.value)};
}

Way separate_way(const std::string& name, const Problem& problem, Tensors& tensors,
                 const SingleSteps& steps) {
  Builder builder(name, problem, tensors);
  return builder.walk([&](const LineConv& conv, const DeviceBuffer& x,
                          const DeviceBuffer* residual) {
    const Images images = builder.output_of(conv);
    ConvProblem alone = conv.problem;
    alone.activation = Activation::none;
    alone.residual = false;
    const DeviceBuffer& sums = builder.allocate(images);
    const DeviceBuffer& y = conv.batch_norm && !steps.in_place ? builder.allocate(images) : sums;
    builder.add(conv, steps.conv(conv, alone, x, sums, builder.way));
    if (conv.batch_norm) builder.add(conv, steps.batch_norm(images, *conv.batch_norm, sums, y));
    if (residual != nullptr) builder.add(conv, steps.add(images, *residual, y));
    if (conv.problem.activation != Activation::none) {
      builder.add(conv, steps.activation(images, conv.problem.activation, y));
    }
    return &y;
  });
}

Way fused_way(const std::string& name, const Problem& problem, Tensors& tensors,
              const FusedStep& fused) {
  Builder builder(name, problem, tensors);
  return builder.walk(
      [&](const LineConv& conv, const DeviceBuffer& x, const DeviceBuffer* residual) {
        const DeviceBuffer& y = builder.allocate(builder.output_of(conv));
        builder.add(conv, fused(conv, x, residual, y, builder.way));
        return &y;
      });
}

}  // namespace foldconv::harness
