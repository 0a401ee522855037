// SPDX-License-Identifier: MIT
// The layers of networks that are no convolution, in double from what the kernels read, with the largest error that correct
// fp32 code may show. Copies are on arrays with extents, not by strides.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "foldconv/conv.hpp"
#include "foldconv/pixels.hpp"
#include "harness/oracle/oracle.hpp"

namespace foldconv::oracle {

struct Pooling {
  Shape x;
  bool average = false;
  Extent window = {1, 1}, stride = {1, 1}, dilation = {1, 1};
  Padding pad = {};
  bool ceil_mode = false, count_include_pad = false;
};
Shape pooled_shape(const Pooling& pooling);
Expected pool(DataType dtype, const Pooling& pooling, std::span<const float> x);

// Over the middle extent of [outer][length][inner].
Expected softmax(DataType dtype, std::size_t outer, std::size_t length, std::size_t inner,
                 std::span<const float> x);

// Each value by the squares of `size` channels around it, channels innermost.
struct Lrn {
  int size;
  float alpha, beta, bias;
};
Expected lrn(DataType dtype, std::size_t channels, const Lrn& lrn, std::span<const float> x);

// activation(scale[c] * x + shift[c]), channels innermost.
Expected affine(DataType dtype, std::span<const float> scale, std::span<const float> shift,
                const Activation& activation, std::span<const float> x);

// An array of any rank, the last extent innermost.
struct Array {
  std::vector<std::size_t> extents;
  std::vector<float> values;

  explicit Array(std::vector<std::size_t> of);
  float& at(const std::vector<std::size_t>& index) { return values[place(index)]; }
  float at(const std::vector<std::size_t>& index) const { return values[place(index)]; }
  std::size_t place(const std::vector<std::size_t>& index) const;
};

// Operands of equal rank; an extent of 1 is repeated.
Expected sum(DataType dtype, const Activation& activation, const Array& x, const Array& z);
Expected product(DataType dtype, const Activation& activation, const Array& x, const Array& z);

// Extent i of the result is extent order[i] of x.
Array permuted(const Array& x, const std::vector<std::size_t>& order);
// `begin` may be before or behind x; what is not in x is `fill`.
Array window(const Array& x, const std::vector<std::int64_t>& begin,
             const std::vector<std::size_t>& extents, float fill);
Array repeated(const Array& x, const std::vector<std::size_t>& times);  // each element so often
Array expanded(const Array& x, const std::vector<std::size_t>& extents);
Array reversed(const Array& x, std::size_t axis);

// NHWC out of NCHW or NHWC.
Expected preprocessed(DataType dtype, const Shape& shape, const PixelFormat& format,
                      std::span<const float> pixels);

}  // namespace foldconv::oracle
