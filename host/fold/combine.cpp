// SPDX-License-Identifier: MIT
#include "fold/combine.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "fold/folded_conv.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv::host {
namespace {

int whole_slices(int channels) {
  return WeightLayout{channels, 1}.slices() * kSliceWidth;
}

}  // namespace

FoldedConv filled_up(const FoldedConv& conv, int k, int c_per_group) {
  auto data = std::make_shared<FoldedConvData>();
  data->dtype = conv.dtype();
  data->k = k;
  data->c_per_group = c_per_group;
  data->r = conv.r();
  data->s = conv.s();
  data->scale.assign(conv.scale().begin(), conv.scale().end());
  data->bias.assign(conv.bias().begin(), conv.bias().end());
  const auto taps = std::size_t(conv.r()) * std::size_t(conv.s());
  const auto from_row = std::size_t(conv.c_per_group()) * taps;
  const auto row = std::size_t(c_per_group) * taps;
  data->weights.assign(std::size_t(k) * row, 0.0f);
  for (int i = 0; i < conv.k(); ++i) {
    std::ranges::copy(conv.weights().subspan(std::size_t(i) * from_row, from_row),
                      data->weights.begin() + std::ptrdiff_t(std::size_t(i) * row));
  }
  data->scale.resize(std::size_t(k), 1.0f);
  data->bias.resize(std::size_t(k), 0.0f);
  return Internals::make<FoldedConv>(std::move(data));
}

FoldedConv joined(const FoldedConv& a, const FoldedConv& b) {
  const FoldedConv parts[] = {filled_up(a, a.k(), whole_slices(a.c_per_group())),
                              filled_up(b, b.k(), whole_slices(b.c_per_group()))};
  auto data = std::make_shared<FoldedConvData>();
  data->dtype = a.dtype();
  data->k = a.k();
  data->c_per_group = parts[0].c_per_group() + parts[1].c_per_group();
  data->r = data->s = 1;
  data->scale.assign(std::size_t(data->k), 1.0f);
  for (std::size_t k = 0; k < std::size_t(data->k); ++k) {
    for (const FoldedConv& part : parts) {
      const auto width = std::size_t(part.c_per_group());
      const auto row = part.weights().subspan(k * width, width);
      data->weights.insert(data->weights.end(), row.begin(), row.end());
    }
    data->bias.push_back(a.bias()[k] + b.bias()[k]);
  }
  return Internals::make<FoldedConv>(std::move(data));
}

}  // namespace foldconv::host
