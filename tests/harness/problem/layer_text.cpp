// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <vector>

#include "harness/problem/entries.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::harness {
namespace {

std::vector<Entry> known_entries() {
  std::vector<Entry> all = {{"g", 1}, {"mb", 2}, {"ic"}, {"oc"}};
  for (const char axis : {'d', 'h', 'w'}) {
    for (const char kind : {'i', 'o', 'k', 's', 'p', 'd'}) {
      all.push_back({{kind, axis}, kind == 's' ? 1 : 0});
    }
  }
  return all;
}

// A spatial axis of the problem: rows or columns.
struct Extent1d {
  int in = 1, kernel = 1, stride = 1, dilation = 1, pad_before = 0, pad_after = 0;
};

// The entries of one spatial axis: `letter` is d, h or w.
class Axis {
 public:
  Axis(const Descriptor& descriptor, char letter) : descriptor_(descriptor), letter_(letter) {}

  // benchdnn's rule: zeros and defaults do not make an axis.
  bool present() const {
    return value('i') != 0 || value('o') != 0 || value('k') != 0 || value('d') != 0 ||
           value('s') != 1 || value('p') > 0;
  }

  // Of a depth: more than one layer in, one layer out, which is as good as none.
  void refuse() const {
    const bool flat = value('i') == 1 && value('k') == 1 && value('o') <= 1 && value('p') == 0;
    if (!present() || flat) return;
    // Not given is 0, which minus 1 is far behind all others.
    const auto place = [this](char kind) { return entry(kind).position - 1; };
    descriptor_.fail(entry(std::ranges::min(std::string_view("iokspd"), {}, place)),
                     "a depth makes this a 3-D convolution; foldconv runs 2-D ones: leave out id, "
                     "od, kd, sd, pd and dd",
                     ErrorCode::unsupported);
  }

  Extent1d resolved() const {
    if (!present()) return {};
    for (const char kind : {'i', 'k', 's'}) descriptor_.at_least_1(entry(kind).key);
    const std::int64_t in = value('i'), stride = value('s');
    const std::int64_t taps_span = (value('k') - 1) * (value('d') + 1) + 1;
    std::int64_t out = value('o'), before = value('p'), after = before;
    const auto out_with_equal_pads = [&] {
      const std::int64_t room = in + 2 * before - taps_span;
      return room < 0 ? std::int64_t{0} : room / stride + 1;
    };
    if (out == 0) {
      out = out_with_equal_pads();
      if (out < 1) {
        descriptor_.fail(
            entry('k'), "`" + entry('k').key + "` and its dilation span " +
                            std::to_string(taps_span) + " elements, the padded input has " +
                            std::to_string(in + 2 * before) + "; enlarge the padding or the input");
      }
    } else {
      const std::int64_t total = (out - 1) * stride - in + taps_span;
      if (!entry('p').given()) before = total / 2;
      // The same image rows are read with any padding behind that gives this output size; equal
      // pads are how networks write it.
      after = out_with_equal_pads() == out ? before : total - before;
    }
    for (const std::int64_t size : {out, before, after, value('d') + 1}) {
      if (size == static_cast<int>(size)) continue;
      descriptor_.fail(entry('i'),
                       "the " + std::string(letter_ == 'h' ? "height" : "width") +
                           " needs more than 31 bits; make the image, padding or dilation smaller",
                       ErrorCode::unsupported);
    }
    const auto as_int = [](std::int64_t size) { return static_cast<int>(size); };
    return {as_int(in),     as_int(value('k')), as_int(stride), as_int(value('d') + 1),
            as_int(before), as_int(after)};
  }

 private:
  const Entry& entry(char kind) const { return descriptor_[std::string{kind, letter_}]; }
  std::int64_t value(char kind) const { return entry(kind).value; }

  const Descriptor& descriptor_;
  char letter_;
};

}  // namespace

Problem parse_layer(std::string_view text) {
  const Descriptor descriptor(
      text, known_entries(),
      "g mb ic oc, {i,o,k,s,p,d}{h,w} with a number each, and n with a name at the end");
  const Axis height(descriptor, 'h'), width(descriptor, 'w');
  Axis(descriptor, 'd').refuse();
  ConvProblem problem;
  problem.groups = descriptor.at_least_1("g");
  problem.n = descriptor.at_least_1("mb");
  problem.c = descriptor.at_least_1("ic");
  problem.k = descriptor.at_least_1("oc");
  for (const char* channels : {"ic", "oc"}) descriptor.check_divided_by_groups(channels);
  if (!height.present() && !width.present()) {
    descriptor.fail({}, "`ih` and `kh` are missing; e.g. ih56kh3ph1");
  }
  const Extent1d rows = height.resolved();
  const Extent1d columns = width.present() ? width.resolved() : rows;
  problem.h = rows.in;
  problem.w = columns.in;
  problem.r = rows.kernel;
  problem.s = columns.kernel;
  problem.stride = {rows.stride, columns.stride};
  problem.pad = {rows.pad_before, rows.pad_after, columns.pad_before, columns.pad_after};
  problem.dilation = {rows.dilation, columns.dilation};
  Problem layer = make_layer(problem);
  descriptor.set_name(layer);
  return layer;
}

std::string layer_descriptor(const ConvProblem& p) {
  const auto axis = [](char letter, int in, int out, int kernel, int stride, int dilation,
                       int pad) {
    const auto entry = [letter](char kind, int value) {
      return std::string{kind, letter} + std::to_string(value);
    };
    return entry('i', in) + entry('o', out) + entry('k', kernel) +
           (stride != 1 ? entry('s', stride) : "") +
           (dilation != 1 ? entry('d', dilation - 1) : "") + entry('p', pad);
  };
  const auto rows = [&](char letter) {
    return axis(letter, p.h, p.p(), p.r, p.stride.h, p.dilation.h, p.pad.top);
  };
  const std::string columns = axis('w', p.w, p.q(), p.s, p.stride.w, p.dilation.w, p.pad.left);
  return (p.groups != 1 ? "g" + std::to_string(p.groups) : "") + "mb" + std::to_string(p.n) + "ic" +
         std::to_string(p.c) + "oc" + std::to_string(p.k) + "_" + rows('h') +
         (columns != rows('w') ? "_" + columns : "");
}

}  // namespace foldconv::harness
