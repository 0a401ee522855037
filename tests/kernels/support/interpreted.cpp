// SPDX-License-Identifier: MIT
#include "kernels/support/interpreted.hpp"

#include <algorithm>
#include <cmath>

#include "foldconv/graph_node.hpp"

namespace foldconv::kernel_tests {

using harness::Bytes;
using harness::Numbers;

std::vector<Bytes> bytes_of(const std::vector<Numbers>& inputs) {
  std::vector<Bytes> bytes;
  for (const Numbers& input : inputs)
    bytes.push_back(harness::bytes_of({input.values.begin(), input.values.end()}));
  return bytes;
}

testing::AssertionResult as_interpreted(const Graph& graph, const NetworkPlan& plan,
                                        const std::vector<Bytes>& outputs,
                                        const std::vector<Numbers>& tensors) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const GraphOutput& output = graph.outputs()[i];
    const Numbers& want = tensors[static_cast<std::size_t>(output.value)];
    const std::vector<float> got = harness::floats(outputs[i]);
    if (plan.output_extents(i) != want.extents || got.size() != want.values.size()) {
      return testing::AssertionFailure()
             << output.name << ": " << to_string(plan.output_extents(i)) << ", " << got.size()
             << " values, expected " << to_string(want.extents);
    }
    double largest = 0.1;  // below that, what came before may have been larger
    for (const double value : want.values) largest = std::max(largest, std::fabs(value));
    for (std::size_t e = 0; e < got.size(); ++e) {
      if (std::fabs(got[e] - want.values[e]) <= 1e-4 * largest) continue;
      return testing::AssertionFailure() << output.name << ", element " << e << ": " << got[e]
                                         << ", expected " << want.values[e];
    }
  }
  return testing::AssertionSuccess();
}

}  // namespace foldconv::kernel_tests
