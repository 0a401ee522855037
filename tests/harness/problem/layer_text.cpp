// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "harness/problem/entries.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::harness {
namespace {

// The entries of one spatial axis: `letter` is d, h or w.
struct Axis {
  char letter;
  Entry in, out, kernel;
  Entry stride{1, 0}, pad{0, 0}, dilation{0, 0};

  // benchdnn's rule: zeros and defaults do not make an axis.
  bool present() const {
    return in.value != 0 || out.value != 0 || kernel.value != 0 || dilation.value != 0 ||
           stride.value != 1 || pad.value > 0;
  }
  // One layer in, one layer out: as good as no axis.
  bool flat() const {
    return in.value == 1 && kernel.value == 1 && out.value <= 1 && pad.value == 0;
  }
  std::string key(char kind) const { return {kind, letter}; }
};

struct Entries {
  Entry groups{1, 0}, batch{2, 0}, in_channels, out_channels;
  Axis depth{.letter = 'd', .in = {}, .out = {}, .kernel = {}};
  Axis height{.letter = 'h', .in = {}, .out = {}, .kernel = {}};
  Axis width{.letter = 'w', .in = {}, .out = {}, .kernel = {}};
  std::string name;
};

Entry* axis_entry(Axis& axis, char kind) {
  switch (kind) {
    case 'i':
      return &axis.in;
    case 'o':
      return &axis.out;
    case 'k':
      return &axis.kernel;
    case 's':
      return &axis.stride;
    case 'p':
      return &axis.pad;
    case 'd':
      return &axis.dilation;
    default:
      return nullptr;
  }
}

Key find_key(Entries& entries, std::string_view rest) {
  if (rest.starts_with("g")) return {&entries.groups, 1};
  if (rest.starts_with("mb")) return {&entries.batch, 2};
  if (rest.starts_with("ic")) return {&entries.in_channels, 2};
  if (rest.starts_with("oc")) return {&entries.out_channels, 2};
  if (rest.size() < 2) return {};
  for (Axis* axis : {&entries.depth, &entries.height, &entries.width}) {
    if (rest[1] == axis->letter) return {axis_entry(*axis, rest[0]), 2};
  }
  return {};
}

Entries entries_of(std::string_view text) {
  Entries entries;
  entries.name = read_entries(
      text, "g mb ic oc, {i,o,k,s,p,d}{h,w} with a number each, and n with a name at the end",
      [&entries](std::string_view rest) { return find_key(entries, rest); });
  return entries;
}

struct Extent1d {
  std::int64_t in = 1, out = 1, kernel = 1, stride = 1, pad_before = 0, pad_after = 0, dilation = 0;
};

Extent1d resolve(const Axis& axis, std::string_view text) {
  const std::pair<const Entry*, char> required[] = {
      {&axis.in, 'i'}, {&axis.kernel, 'k'}, {&axis.stride, 's'}};
  for (const auto& [entry, kind] : required) {
    check_at_least_1(*entry, axis.key(kind), text);
  }
  Extent1d extent{.in = axis.in.value,
                  .out = axis.out.value,
                  .kernel = axis.kernel.value,
                  .stride = axis.stride.value,
                  .pad_before = axis.pad.value,
                  .pad_after = axis.pad.value,
                  .dilation = axis.dilation.value};
  const std::int64_t taps_span = (extent.kernel - 1) * (extent.dilation + 1) + 1;
  const auto out_with_equal_pads = [&] {
    const std::int64_t room = extent.in + 2 * extent.pad_before - taps_span;
    return room < 0 ? std::int64_t{0} : room / extent.stride + 1;
  };
  if (extent.out == 0) {
    extent.out = out_with_equal_pads();
    if (extent.out < 1) {
      malformed(text, axis.kernel.position,
                quoted(axis.key('k')) + " and its dilation span " + std::to_string(taps_span) +
                    " elements, the padded input has " +
                    std::to_string(extent.in + 2 * extent.pad_before) +
                    "; enlarge the padding or the input");
    }
    return extent;
  }
  const std::int64_t pad_total = (extent.out - 1) * extent.stride - extent.in + taps_span;
  if (!axis.pad.given()) extent.pad_before = pad_total / 2;
  // The same image rows are read with any padding behind that gives this output size; equal pads
  // are how networks write it.
  extent.pad_after =
      out_with_equal_pads() == extent.out ? extent.pad_before : pad_total - extent.pad_before;
  return extent;
}

void check_channels(const Entries& entries, std::string_view text) {
  using Named = std::pair<const Entry*, const char*>;
  const Entry& groups = entries.groups;
  const Named in{&entries.in_channels, "ic"}, out{&entries.out_channels, "oc"};
  for (const auto& [entry, key] : {Named{&groups, "g"}, Named{&entries.batch, "mb"}, in, out}) {
    check_at_least_1(*entry, key, text);
  }
  for (const auto& [entry, key] : {in, out}) {
    if (entry->value % groups.value == 0) continue;
    malformed(text, entry->position,
              quoted(std::string(key) + std::to_string(entry->value)) +
                  " counts the channels of all groups and must be a multiple of g" +
                  std::to_string(groups.value));
  }
}

void check_range(const Extent1d& extent, const Axis& axis, std::string_view text) {
  const auto fits = [](std::int64_t value) {
    return value >= std::numeric_limits<int>::min() && value <= std::numeric_limits<int>::max();
  };
  if (fits(extent.out) && fits(extent.pad_before) && fits(extent.pad_after) &&
      extent.dilation < std::numeric_limits<int>::max()) {
    return;
  }
  unsupported(text, axis.in.position,
              "the " + std::string(axis.letter == 'h' ? "height" : "width") +
                  " needs more than 31 bits; make the image, padding or dilation smaller");
}

}  // namespace

Problem parse_layer(std::string_view text) {
  const Entries entries = entries_of(text);
  if (entries.depth.present() && !entries.depth.flat()) {
    const Axis& depth = entries.depth;
    std::size_t position = text.size();
    for (const Entry* entry :
         {&depth.in, &depth.out, &depth.kernel, &depth.stride, &depth.pad, &depth.dilation}) {
      if (entry->given()) position = std::min(position, entry->position);
    }
    unsupported(text, position,
                "a depth makes this a 3-D convolution; foldconv runs 2-D ones: leave out id, "
                "od, kd, sd, pd and dd");
  }
  check_channels(entries, text);

  const Axis& height = entries.height;
  const Axis& width = entries.width;
  if (!height.present() && !width.present()) {
    malformed(text, text.size() + 1, "`ih` and `kh` are missing; e.g. ih56kh3ph1");
  }
  Extent1d rows, columns;
  using Spatial = std::pair<const Axis*, Extent1d*>;
  for (const auto& [axis, extent] : {Spatial{&height, &rows}, Spatial{&width, &columns}}) {
    if (!axis->present()) continue;
    *extent = resolve(*axis, text);
    check_range(*extent, *axis, text);
  }
  if (!width.present()) columns = rows;

  const auto as_int = [](std::int64_t value) { return static_cast<int>(value); };
  ConvProblem problem;
  problem.n = as_int(entries.batch.value);
  problem.h = as_int(rows.in);
  problem.w = as_int(columns.in);
  problem.c = as_int(entries.in_channels.value);
  problem.k = as_int(entries.out_channels.value);
  problem.r = as_int(rows.kernel);
  problem.s = as_int(columns.kernel);
  problem.stride = {as_int(rows.stride), as_int(columns.stride)};
  problem.pad = {as_int(rows.pad_before), as_int(rows.pad_after), as_int(columns.pad_before),
                 as_int(columns.pad_after)};
  problem.dilation = {as_int(rows.dilation + 1), as_int(columns.dilation + 1)};
  problem.groups = as_int(entries.groups.value);
  Problem layer = make_layer(problem);
  layer.name = entries.name;
  layer.label = entries.name.empty() ? std::string(text) : entries.name;
  return layer;
}

std::string layer_descriptor(const ConvProblem& problem) {
  const auto axis = [](char letter, int in, int out, int kernel, int stride, int dilation,
                       int pad) {
    const auto entry = [letter](char kind, int value) {
      return std::string{kind, letter} + std::to_string(value);
    };
    return entry('i', in) + entry('o', out) + entry('k', kernel) +
           (stride != 1 ? entry('s', stride) : "") +
           (dilation != 1 ? entry('d', dilation - 1) : "") + entry('p', pad);
  };
  const std::string rows = axis('h', problem.h, problem.p(), problem.r, problem.stride.h,
                                problem.dilation.h, problem.pad.top);
  const std::string columns = axis('w', problem.w, problem.q(), problem.s, problem.stride.w,
                                   problem.dilation.w, problem.pad.left);
  const std::string square = axis('w', problem.h, problem.p(), problem.r, problem.stride.h,
                                  problem.dilation.h, problem.pad.top);
  return (problem.groups != 1 ? "g" + std::to_string(problem.groups) : "") + "mb" +
         std::to_string(problem.n) + "ic" + std::to_string(problem.c) + "oc" +
         std::to_string(problem.k) + "_" + rows + (columns != square ? "_" + columns : "");
}

}  // namespace foldconv::harness
