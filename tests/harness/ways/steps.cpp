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
             Launch launch, std::function<oracle::Expected(Values)> expected, Work work,
             Copies copies) {
  std::vector<Images> images;
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

// What a way writes on its way through a problem.
class Builder {
 public:
  Builder(const std::string& name, const Problem& problem, Tensors& tensors)
      : problem_(problem), tensors_(tensors) {
    way.name = name;
  }

  const Tensor& allocate(const LineConv& conv) {
    const Tensor& tensor =
        tensors_.allocate(Images{problem_.dtype(), conv.problem.output(), problem_.distinct});
    way.writes.push_back(&tensor);
    return tensor;
  }
  void add(const LineConv& conv, Step step) {
    step.what.insert(0, conv_prefix(problem_, conv));
    way.steps.push_back(std::move(step));
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
  Builder builder(name, problem, tensors);
  walk(
      problem, &tensors.x(), tensors.residual(),
      [&](const LineConv& conv, const Tensor* x, const Tensor* const* residual) {
        const Tensor& y = builder.allocate(conv);
        builder.add(conv,
                    fused(conv, *x, residual == nullptr ? nullptr : *residual, y, builder.way));
        return &y;
      },
      joined,
      [&](const Line& line, const Tensor* t, const Tensor* x) {
        const Tensor& y = builder.allocate(line.convs.back());
        builder.add(line.convs.back(), join(line, *t, *x, y, builder.way));
        return &y;
      });
  return std::move(builder.way);
}

Way separate_way(const std::string& name, const Problem& problem, Tensors& tensors,
                 const SingleSteps& steps) {
  const DataType dtype = problem.dtype();
  const Copies copies = steps.others ? Copies::within_bound : Copies::same_bits;
  Builder builder(name, problem, tensors);
  const auto run = [&](const LineConv& conv, const Tensor* x, const Tensor* const* residual) {
    const auto add = [&](const std::string& what, std::vector<const Tensor*> reads, const Tensor& y,
                         Launch launch, std::function<oracle::Expected(Values)> expected,
                         double more_bytes = 0) {
      const double bytes = static_cast<double>((reads.size() + 1) * y.bytes()) + more_bytes;
      builder.add(conv, step_of(what, std::move(reads), y, std::move(launch), std::move(expected),
                                {.bytes = bytes}, copies));
    };
    ConvProblem alone = conv.problem;
    alone.activation = Activation::none;
    alone.residual = false;
    const Tensor& sums = builder.allocate(conv);
    const Tensor& y = conv.batch_norm && steps.others ? builder.allocate(conv) : sums;
    builder.add(conv, steps.conv(conv, alone, *x, sums, builder.way));
    if (conv.batch_norm) {
      const BatchNorm norm = *conv.batch_norm;
      const auto eps = static_cast<float>(norm.eps.value);
      const auto upload = [&tensors](std::span<const float> values) {
        return static_cast<const float*>(tensors.upload(values).data());
      };
      const pointwise::BatchNormArrays arrays{upload(norm.gamma), upload(norm.beta),
                                              upload(norm.mean), upload(norm.variance), eps};
      add("batch_norm", {&sums}, y, steps.batch_norm(arrays, sums, y),
          elementwise(dtype,
                      [norm, eps](const Values& values, std::size_t i) {
                        const std::size_t k = i % norm.mean.size();
                        return oracle::batch_norm(values[0][i], norm.gamma[k], norm.beta[k],
                                                  norm.mean[k], norm.variance[k], eps);
                      }),
          static_cast<double>(4 * sizeof(float) * norm.mean.size()));
    }
    if (residual != nullptr) {
      add("add", {&y, *residual}, y, steps.add(**residual, y),
          elementwise(dtype, [](const Values& values, std::size_t i) {
            return oracle::add(values[0][i], values[1][i]);
          }));
    }
    const Activation activation = conv.problem.activation;
    if (activation == Activation::none) return &y;
    const auto exact = elementwise(dtype, [activation](const Values& values, std::size_t i) {
      return oracle::activate(activation, {.value = values[0][i], .error = 0});
    });
    add(to_string(activation.kind), {&y}, y, steps.activate(activation, y),
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
  return std::move(builder.way);
}

}  // namespace foldconv::harness
