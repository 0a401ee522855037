// SPDX-License-Identifier: MIT
#include "harness/ways/steps.hpp"

#include <utility>

#include "harness/oracle/any_order.hpp"
#include "harness/oracle/pointwise.hpp"
#include "harness/problem/data.hpp"

namespace foldconv::harness {
namespace {

using Values = std::vector<std::vector<float>>;  // of each tensor that a step reads

// A step that is judged by what `expected` makes of the values that it read.
Step step_of(const std::string& what, std::vector<const Tensor*> reads, const Tensor& y,
             Launch launch, const std::function<oracle::Expected(Values)>& expected, Work work,
             Copies copies) {
  std::vector<Images> images;
  images.reserve(reads.size());
  for (const Tensor* tensor : reads) images.push_back(tensor->images);
  return {.what = what,
          .launch = std::move(launch),
          .reads = std::move(reads),
          .writes = &y,
          .judge =
              [=, of_y = y.images](const std::vector<Bytes>& read, const Bytes& written) {
                Values values;
                for (std::size_t i = 0; i < read.size(); ++i) {
                  values.push_back(images[i].distinct_values(read[i]));
                }
                return judge(of_y, expected(std::move(values)), written, copies);
              },
          .work = work,
          .costs = {{.dram_bytes = work.bytes, .flops = work.flops}}};
}

// One element after another: `computed(values, i)` is the value before the store.
template <class Computed>
std::function<oracle::Expected(const Values&)> elementwise(DataType dtype, Computed computed) {
  return [dtype, computed](const Values& values) {
    oracle::Expected expected;
    for (std::size_t i = 0; i < values.front().size(); ++i) {
      const oracle::Bounded element = oracle::store(dtype, computed(values, i));
      expected.y.push_back(element.value);
      expected.bound.push_back(element.error);
    }
    return expected;
  };
}

// A tensor of a convolution's output.
const Tensor& allocate(const LineConv& conv, int distinct, Tensors& tensors) {
  return tensors.allocate(Images{conv.problem.dtype, conv.problem.output(), distinct});
}

void add(Step step, const LineConv& conv, const Problem& problem, Way& way) {
  step.what.insert(0, conv_prefix(problem, conv));
  if (!step.kernel.empty()) way.kernels += (way.kernels.empty() ? "" : " ") + step.kernel;
  way.steps.push_back(std::move(step));
}

}  // namespace

ExpectedConv expected_conv(const ConvProblem& problem, int distinct, const FoldedConv& folded) {
  ConvProblem of_distinct = problem;
  of_distinct.n = distinct;
  return [of_distinct, folded](std::vector<float> x, std::vector<float> residual) {
    return oracle::conv(of_distinct, inputs_of(folded, std::move(x), std::move(residual)));
  };
}

Step conv_step(const std::string& what, const ConvProblem& problem, const Tensor& x,
               const Tensor* residual, const Tensor& y, ExpectedConv expected, Launch launch,
               Copies copies) {
  std::vector<const Tensor*> reads = {&x};
  if (residual != nullptr) reads.push_back(residual);
  return step_of(
      what, std::move(reads), y, std::move(launch),
      [expected = std::move(expected)](Values values) {
        values.resize(2);  // without a residual the second has no values
        return expected(std::move(values[0]), std::move(values[1]));
      },
      work_of(problem), copies);
}

Way fused_way(const std::string& name, const Problem& problem, Tensors& tensors,
              const FusedStep& fused, const std::vector<bool>& joined, const JoinedStep& join) {
  Way way{.name = name};
  walk(
      problem, &tensors.x(), tensors.residual(),
      [&](const LineConv& conv, const Tensor* x, const Tensor* const* residual) {
        const Tensor& y = allocate(conv, problem.distinct, tensors);
        const Tensor* z = residual == nullptr ? nullptr : *residual;
        add(fused(conv, *x, z, y), conv, problem, way);
        return &y;
      },
      joined,
      [&](const Line& line, const Tensor* t, const Tensor* x) {
        const LineConv& conv = line.convs.back();
        const Tensor& y = allocate(conv, problem.distinct, tensors);
        add(join(line, *t, *x, y), conv, problem, way);
        return &y;
      });
  return way;
}

Way separate_way(const std::string& name, const Problem& problem, Tensors& tensors,
                 const SingleSteps& steps) {
  const DataType dtype = problem.dtype();
  const Copies copies = steps.others ? Copies::within_bound : Copies::same_bits;
  Way way{.name = name};
  const auto run = [&](const LineConv& conv, const Tensor* x, const Tensor* const* residual) {
    const auto add_step = [&](const std::string& what, std::vector<const Tensor*> reads,
                              const Tensor& y, Launch launch,
                              const std::function<oracle::Expected(Values)>& expected,
                              std::size_t more_bytes = 0) {
      const Work work{.bytes = static_cast<double>((reads.size() + 1) * y.bytes() + more_bytes)};
      add(step_of(what, std::move(reads), y, std::move(launch), expected, work, copies), conv,
          problem, way);
    };
    ConvProblem alone = conv.problem;
    alone.activation = Activation::none;
    alone.residual = false;
    const Tensor& sums = allocate(conv, problem.distinct, tensors);
    const bool in_place = !conv.batch_norm || !steps.others;
    const Tensor& y = in_place ? sums : allocate(conv, problem.distinct, tensors);
    add(steps.conv(conv, alone, *x, sums), conv, problem, way);
    if (conv.batch_norm) {
      const BatchNorm norm = *conv.batch_norm;
      const auto eps = static_cast<float>(norm.eps.value);
      const auto upload = [&tensors](std::span<const float> values) {
        return static_cast<const float*>(tensors.upload(values).data());
      };
      const pointwise::BatchNormArrays arrays{upload(norm.gamma), upload(norm.beta),
                                              upload(norm.mean), upload(norm.variance), eps};
      add_step("batch_norm", {&sums}, y, steps.batch_norm(arrays, sums, y),
               elementwise(dtype,
                           [norm, eps](const Values& values, std::size_t i) {
                             const std::size_t k = i % norm.mean.size();
                             return oracle::batch_norm(values[0][i], norm.gamma[k], norm.beta[k],
                                                       norm.mean[k], norm.variance[k], eps);
                           }),
               4 * sizeof(float) * norm.mean.size());
    }
    if (residual != nullptr) {
      add_step("add", {&y, *residual}, y, steps.add(**residual, y),
               elementwise(dtype, [](const Values& values, std::size_t i) {
                 return oracle::add(values[0][i], values[1][i]);
               }));
    }
    const Activation activation = conv.problem.activation;
    if (activation == Activation::none) return &y;
    const auto exact = elementwise(dtype, [activation](const Values& values, std::size_t i) {
      return oracle::activate(activation, {.value = values[0][i], .error = 0});
    });
    add_step(to_string(activation.kind), {&y}, y, steps.activate(activation, y),
             [=, approximate = steps.others](const Values& values) {
               oracle::Expected expected = exact(values);
               if (approximate) {
                 const std::vector<double> arguments(values[0].begin(), values[0].end());
                 oracle::allow_approximate_activation({.dtype = dtype, .activation = activation},
                                                      arguments, expected);
               }
               return expected;
             });
    return &y;
  };
  walk(problem, &tensors.x(), tensors.residual(), run);
  return way;
}

}  // namespace foldconv::harness
