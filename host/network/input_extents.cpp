// SPDX-License-Identifier: MIT
#include "network/input_extents.hpp"

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv::host {
namespace {

// What the options say of each axis of an input: 0 where they say nothing.
Extents wanted_extents(const op::Input& input, std::size_t rank,
                       const NetworkPlanOptions& options) {
  Extents wanted(rank, 0);
  if (!options.inputs.empty()) return options.inputs[static_cast<std::size_t>(input.index)];
  if (rank > 0) wanted[0] = options.n;
  if (rank == 4) {
    const std::size_t row = input.channels_last ? 1 : 2;
    wanted[row] = options.h;
    wanted[row + 1] = options.w;
  }
  return wanted;
}

// The model's extents, kOpen where they are open, in the model's order.
Extents model_extents(const GraphValue& value, const op::Input& input) {
  Extents known = ExtentTable::known(value.extents);
  if (!input.channels_last) return known;
  return {known[0], known[2], known[3], known[1]};
}

}  // namespace

Extents channels_first(const Extents& extents) {
  return {extents[0], extents[3], extents[1], extents[2]};
}

Result<std::vector<Extents>> input_extents(const GraphData& graph,
                                           const NetworkPlanOptions& options) {
  if (!options.inputs.empty() && options.inputs.size() != graph.inputs.size()) {
    return invalid("the options have another number of inputs than the network",
                   text(options.inputs.size(), " of ", graph.inputs.size()),
                   "give the extents of all, or none");
  }
  std::vector<Extents> result;
  bool images = false;  // whether there was an input n, c, h, w already
  for (const int id : graph.inputs) {
    const GraphValue& value = graph.values[static_cast<std::size_t>(id)];
    const auto& input = *as<op::Input>(graph.nodes[static_cast<std::size_t>(value.node)]);
    Extents extents = model_extents(value, input);
    const Extents wanted = wanted_extents(input, extents.size(), options);
    const std::string shown = text("input \"", value.name, "\" ", to_string(extents));
    if (wanted.size() != extents.size()) {
      return invalid("an input has another number of extents",
                     text(shown, ", given ", to_string(wanted)),
                     text("give ", extents.size(), " extents"));
    }
    for (std::size_t axis = 0; axis < extents.size(); ++axis) {
      std::int64_t& d = extents[axis];
      if (wanted[axis] < 0) {
        return invalid("an extent below 0", text(shown, ", axis ", axis, ": ", wanted[axis]),
                       "give 1 or more; 0: what the model says");
      }
      // n, h and w are the images'; what other inputs fix is their own affair.
      const bool meant = !options.inputs.empty() || (extents.size() == 4 && !images);
      if (meant && d != kOpen && wanted[axis] != 0 && wanted[axis] != d) {
        return invalid("the model has another extent",
                       text(shown, ", axis ", axis, ": ", wanted[axis]),
                       text("give ", d, ", or a model that leaves it open"));
      }
      if (d == kOpen) d = wanted[axis];
      if (d == 0 && axis == 0 && options.inputs.empty()) d = 1;
      if (d == 0) {
        return invalid("the model leaves an extent open", text(shown, ", axis ", axis),
                       extents.size() == 4 ? "give h and w, or the extents of all inputs"
                                           : "give the extents of all inputs");
      }
    }
    images = images || extents.size() == 4;
    result.push_back(std::move(extents));
  }
  return result;
}

}  // namespace foldconv::host
