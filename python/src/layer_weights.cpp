// SPDX-License-Identifier: MIT
#include "layer_weights.hpp"

#include "error.hpp"

namespace nb = nanobind;

namespace foldconv::python {

LayerWeights::LayerWeights(nb::handle w, const BatchNormArrays* batch_norm, nb::handle bias,
                           const std::string& who) {
  const std::string of = who.empty() ? "" : who + ": ";
  conv_.values = hold(w, of + "the array of weights", 4);
  const std::span<const std::int64_t> shape = held_.back().shape();
  conv_.k = static_cast<int>(shape[0]);
  conv_.c_per_group = static_cast<int>(shape[1]);
  conv_.r = static_cast<int>(shape[2]);
  conv_.s = static_cast<int>(shape[3]);
  if (!bias.is_none()) conv_.bias = hold(bias, of + "the array bias", 1);
  if (batch_norm == nullptr) return;
  batch_norm_ = BatchNorm{.mean = hold(batch_norm->mean, of + "the array mean", 1),
                          .variance = hold(batch_norm->variance, of + "the array variance", 1),
                          .eps = Epsilon(batch_norm->eps)};
  if (!batch_norm->gamma.is_none())
    batch_norm_->gamma = hold(batch_norm->gamma, of + "the array gamma", 1);
  if (!batch_norm->beta.is_none())
    batch_norm_->beta = hold(batch_norm->beta, of + "the array beta", 1);
}

LayerWeights LayerWeights::of_tuple(nb::handle layer, const std::string& who) {
  if (!PyTuple_Check(layer.ptr())) return {layer, nullptr, nb::none(), who};
  const std::size_t count = nb::len(layer);
  const nb::object second = count > 1 ? nb::object(layer[1]) : nb::none();
  const BatchNormArrays* batch_norm = nullptr;
  if (count < 1 || count > 3 || (!second.is_none() && !nb::try_cast(second, batch_norm))) {
    raise(invalid(who + " is no layer", nb::repr(layer.type()).c_str(),
                  "give w, (w, foldconv.BatchNorm(..)) or (w, batch_norm, bias)"));
  }
  return {layer[0], batch_norm, count > 2 ? nb::object(layer[2]) : nb::none(), who};
}

BlockLayer LayerWeights::layer() const {
  return {conv_, batch_norm_};
}

std::span<const float> LayerWeights::hold(nb::handle array, const std::string& who,
                                          std::size_t rank) {
  if (!is_host_array(array, who)) {
    raise(invalid(who + " is on a device", nb::repr(array.type()).c_str(),
                  "give it on the host: folding is done there"));
  }
  HostArray held(array, who);
  const auto* const data = static_cast<const float*>(held.data());
  if (held.element() != &kF32) {
    raise(invalid(who + " has another dtype", held.dtype(), "give float32"));
  }
  if (held.shape().size() != rank) {
    raise(invalid(who + " has another rank", shown(held.shape()),
                  rank == 4 ? "give k, c / groups, r, s" : "give a value for each channel"));
  }
  const std::size_t count = elements_of(held.shape());
  held_.push_back(std::move(held));
  return {data, count};
}

}  // namespace foldconv::python
