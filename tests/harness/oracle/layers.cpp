// SPDX-License-Identifier: MIT
#include "harness/oracle/layers.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "harness/oracle/fp32.hpp"
#include "harness/oracle/pointwise.hpp"

namespace foldconv::oracle {
namespace {

using Index = std::vector<std::size_t>;

void append(Expected& expected, DataType dtype, const Bounded& value) {
  const Bounded stored = store(dtype, value);
  expected.y.push_back(stored.value);
  expected.bound.push_back(stored.error);
}

// Calls body(index) for every index of the extents, the last one fastest.
void for_each_index(const Index& extents, const std::function<void(const Index&)>& body) {
  const auto count =
      std::accumulate(extents.begin(), extents.end(), std::size_t{1}, std::multiplies<>());
  Index index(extents.size(), 0);
  for (std::size_t i = 0; i < count; ++i) {
    body(index);
    for (std::size_t axis = extents.size(); axis-- > 0;) {
      if (++index[axis] < extents[axis]) break;
      index[axis] = 0;
    }
  }
}

// First taps of the windows in one direction, counted from the first real pixel, as ONNX places them: a window more as
// long as it fits or, rounded up, as long as one more tap of it is on the padded image and it starts before the padding
// at the end.
std::vector<int> window_starts(int size, int before, int after, int window, int stride,
                               int dilation, bool ceil_mode) {
  const int reach = dilation * (window - 1) + 1;
  std::vector<int> starts = {-before};
  for (int start = stride - before;; start += stride) {
    const bool fits = start + reach <= size + after;
    const bool partly = start + reach < size + after + stride && start < size;
    if (!fits && !(ceil_mode && partly)) return starts;
    starts.push_back(start);
  }
}

std::vector<int> rows_of(const Pooling& p) {
  return window_starts(p.x.h, p.pad.top, p.pad.bottom, p.window.h, p.stride.h, p.dilation.h,
                       p.ceil_mode);
}
std::vector<int> columns_of(const Pooling& p) {
  return window_starts(p.x.w, p.pad.left, p.pad.right, p.window.w, p.stride.w, p.dilation.w,
                       p.ceil_mode);
}

template <class Combine>
Expected combined(DataType dtype, const Activation& activation, const Array& x, const Array& z,
                  Combine&& combine) {
  Index extents(x.extents.size());
  std::ranges::transform(x.extents, z.extents, extents.begin(),
                         [](std::size_t a, std::size_t b) { return std::max(a, b); });
  Expected expected;
  for_each_index(extents, [&](const Index& index) {
    const auto of = [&](const Array& array) {
      Index at = index;
      for (std::size_t i = 0; i < at.size(); ++i) {
        if (array.extents[i] == 1) at[i] = 0;
      }
      return static_cast<double>(array.at(at));
    };
    append(expected, dtype, activate(activation, combine(of(x), of(z))));
  });
  return expected;
}

}  // namespace

Shape pooled_shape(const Pooling& pooling) {
  return {pooling.x.n, static_cast<int>(rows_of(pooling).size()),
          static_cast<int>(columns_of(pooling).size()), pooling.x.c};
}

Expected pool(DataType dtype, const Pooling& p, std::span<const float> x) {
  Expected expected;
  const auto value = [&](int n, int row, int column, int c) {
    return static_cast<double>(x[static_cast<std::size_t>(
        ((std::int64_t{n} * p.x.h + row) * p.x.w + column) * p.x.c + c)]);
  };
  const std::vector<int> rows = rows_of(p), columns = columns_of(p);
  for (int n = 0; n < p.x.n; ++n) {
    for (const int top : rows) {
      for (const int left : columns) {
        for (int c = 0; c < p.x.c; ++c) {
          double sum = 0, magnitudes = 0, largest = -std::numeric_limits<double>::infinity();
          int real = 0, padded = 0;
          for (int r = 0; r < p.window.h; ++r) {
            for (int s = 0; s < p.window.w; ++s) {
              const int row = top + r * p.dilation.h, column = left + s * p.dilation.w;
              if (row < p.x.h + p.pad.bottom && column < p.x.w + p.pad.right) ++padded;
              if (row < 0 || row >= p.x.h || column < 0 || column >= p.x.w) continue;
              ++real;
              const double v = value(n, row, column, c);
              sum += v;
              magnitudes += std::fabs(v);
              if (std::isnan(v) || v > largest) largest = v;
              if (std::isnan(largest)) break;
            }
            if (std::isnan(largest)) break;
          }
          if (!p.average || std::isnan(largest)) {
            append(expected, dtype, {largest, 0});
            continue;
          }
          const int count = p.count_include_pad ? padded : real;
          const double mean = sum / count;
          append(
              expected, dtype,
              {mean, kHalfUlp * real * magnitudes / count + 2 * kUlp * std::fabs(mean) + kFlush});
        }
      }
    }
  }
  return expected;
}

Expected softmax(DataType dtype, std::size_t outer, std::size_t length, std::size_t inner,
                 std::span<const float> x) {
  Expected expected;
  expected.y.resize(x.size());
  expected.bound.resize(x.size());
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t i = 0; i < inner; ++i) {
      const auto place = [&](std::size_t k) { return (o * length + k) * inner + i; };
      double largest = -std::numeric_limits<double>::infinity(), sum = 0, sum_error = 0;
      bool nan = false;
      for (std::size_t k = 0; k < length; ++k) {
        nan = nan || std::isnan(x[place(k)]);
        largest = std::max(largest, static_cast<double>(x[place(k)]));
      }
      // Of exp(v - largest): the difference's rounding, and the function's.
      const auto relative = [&](double d) { return kHalfUlp * d + (2 + 1.173 * d) * kUlp; };
      for (std::size_t k = 0; k < length; ++k) {
        const double d = largest - x[place(k)], e = std::exp(-d);
        sum += e;
        if (e > 0) sum_error += e * relative(d);
      }
      sum_error += static_cast<double>(length) * kHalfUlp * sum;
      for (std::size_t k = 0; k < length; ++k) {
        const double d = largest - x[place(k)];
        const double y = nan ? std::numeric_limits<double>::quiet_NaN() : std::exp(-d) / sum;
        const double share = y > 0 ? relative(d) : 0;
        const Bounded stored = store(
            dtype, {y, y * (share + sum_error / sum + 2 * kUlp) * (1 + 0x1p-10) + 2 * kFlush});
        expected.y[place(k)] = stored.value;
        expected.bound[place(k)] = stored.error;
      }
    }
  }
  return expected;
}

Expected lrn(DataType dtype, std::size_t channels, const Lrn& lrn, std::span<const float> x) {
  constexpr double kPowerUlps = 4;  // CUDA's powf
  const auto c = static_cast<std::ptrdiff_t>(channels);
  const double factor = lrn.alpha / static_cast<float>(lrn.size);
  Expected expected;
  for (std::ptrdiff_t i = 0; i < std::ssize(x); ++i) {
    double sum = 0;
    const std::ptrdiff_t pixel = i - i % c;
    const std::ptrdiff_t last = std::min(i + lrn.size / 2, pixel + c - 1);
    for (std::ptrdiff_t j = std::max(i - (lrn.size - 1) / 2, pixel); j <= last; ++j)
      sum += double{x[static_cast<std::size_t>(j)]} * x[static_cast<std::size_t>(j)];
    const double base = factor * sum + lrn.bias;
    const double base_error =
        (lrn.size + 1) * kHalfUlp * (std::fabs(factor) * sum + std::fabs(lrn.bias));
    const double y = x[static_cast<std::size_t>(i)] / std::pow(base, double{lrn.beta});
    const double share =
        std::fabs(lrn.beta) * base_error / std::fabs(base) + (kPowerUlps + 1) * kUlp;
    append(expected, dtype, {y, std::fabs(y) * share * (1 + 0x1p-10) + kFlush});
  }
  return expected;
}

Expected affine(DataType dtype, std::span<const float> scale, std::span<const float> shift,
                const Activation& activation, std::span<const float> x) {
  Expected expected;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % scale.size();
    const double scaled = static_cast<double>(scale[c]) * x[i], value = scaled + shift[c];
    append(
        expected, dtype,
        activate(activation, {value, kHalfUlp * (std::fabs(scaled) + std::fabs(value)) + kFlush}));
  }
  return expected;
}

Array::Array(Index of)
    : extents(std::move(of)),
      values(std::accumulate(extents.begin(), extents.end(), std::size_t{1}, std::multiplies<>())) {
}

std::size_t Array::place(const Index& index) const {
  std::size_t at = 0;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) at = at * extents[axis] + index[axis];
  return at;
}

Expected sum(DataType dtype, const Activation& activation, const Array& x, const Array& z) {
  return combined(dtype, activation, x, z, [](double a, double b) { return add(a, b); });
}
Expected product(DataType dtype, const Activation& activation, const Array& x, const Array& z) {
  return combined(dtype, activation, x, z, [](double a, double b) {
    return Bounded{a * b, kHalfUlp * std::fabs(a * b) + kFlush};
  });
}

Array permuted(const Array& x, const Index& order) {
  Index extents;
  for (const std::size_t axis : order) extents.push_back(x.extents[axis]);
  Array y(extents);
  for_each_index(extents, [&](const Index& index) {
    Index from(index.size());
    for (std::size_t axis = 0; axis < index.size(); ++axis) from[order[axis]] = index[axis];
    y.at(index) = x.at(from);
  });
  return y;
}

Array window(const Array& x, const std::vector<std::int64_t>& begin, const Index& extents,
             float fill) {
  Array y(extents);
  for_each_index(extents, [&](const Index& index) {
    Index from(index.size());
    bool inside = true;
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      const std::int64_t at = static_cast<std::int64_t>(index[axis]) + begin[axis];
      inside = inside && at >= 0 && at < static_cast<std::int64_t>(x.extents[axis]);
      from[axis] = static_cast<std::size_t>(at);
    }
    y.at(index) = inside ? x.at(from) : fill;
  });
  return y;
}

Array repeated(const Array& x, const Index& times) {
  Index extents = x.extents;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) extents[axis] *= times[axis];
  Array y(extents);
  for_each_index(extents, [&](const Index& index) {
    Index from = index;
    for (std::size_t axis = 0; axis < from.size(); ++axis) from[axis] /= times[axis];
    y.at(index) = x.at(from);
  });
  return y;
}

Array expanded(const Array& x, const Index& extents) {
  Array y(extents);
  for_each_index(extents, [&](const Index& index) {
    Index from = index;
    for (std::size_t axis = 0; axis < from.size(); ++axis) {
      if (x.extents[axis] == 1) from[axis] = 0;
    }
    y.at(index) = x.at(from);
  });
  return y;
}

Array reversed(const Array& x, std::size_t axis) {
  Array y(x.extents);
  for_each_index(x.extents, [&](const Index& index) {
    Index from = index;
    from[axis] = x.extents[axis] - 1 - from[axis];
    y.at(index) = x.at(from);
  });
  return y;
}

Expected preprocessed(DataType dtype, const Shape& shape, const PixelFormat& format,
                      std::span<const float> pixels) {
  const Index extents = {static_cast<std::size_t>(shape.n), static_cast<std::size_t>(shape.h),
                         static_cast<std::size_t>(shape.w), static_cast<std::size_t>(shape.c)};
  const bool planes = format.layout == PixelLayout::nchw;
  Array x(planes ? Index{extents[0], extents[3], extents[1], extents[2]} : extents);
  x.values.assign(pixels.begin(), pixels.end());
  Expected expected;
  for_each_index(extents, [&](const Index& at) {
    const std::size_t c = at[3], from = format.swap_red_blue && c < 3 ? 2 - c : c;
    const double pixel =
        planes ? x.at({at[0], from, at[1], at[2]}) : x.at({at[0], at[1], at[2], from});
    const double mean = c < 4 ? format.mean[c] : 0, scale = c < 4 ? format.scale[c] : 1;
    const double value = (pixel - mean) * scale;
    append(expected, dtype, {value, 2 * kHalfUlp * (1 + kUlp) * std::fabs(value)});
  });
  return expected;
}

}  // namespace foldconv::oracle
