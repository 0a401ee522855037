// SPDX-License-Identifier: MIT
// Problems as text: descriptors.
//
// A layer, as benchdnn (oneDNN's test driver) writes it:
//   g1mb1_ic64oc64_ih56oh56kh3sh1dh0ph1_iw56ow56kw3sw1dw0pw1n"name"
// Entries are a key and a number, in any order, with `_` between them or not:
//   g groups (1); mb images (2); ic, oc channels over all groups;
//   ih iw input, oh ow output, kh kw kernel, sh sw stride (1), dh dw dilation counted from 0 (0),
//   ph pw padding above and to the left; n: the rest is a name.
// No output size: it follows from the padding on both sides, 0 unless given. Output size, but no
// padding: the padding that gives it, the odd row below. Both: the padding below follows.
// No iw, kw, ow: the width is as the height. No ih, kh, oh: one row, a 1-D convolution.
// A repeated key: the last one counts. A depth (id, od, kd, ...) is refused, unless it is 1.
//
// Residual blocks and stages, after the same manner:
//   mb1_ih56iw56_ic64mid64oc256_s1x3n"name"
// with a number or a word behind a key:
//   mb images (1, unlike benchdnn's 2); ih iw input size, no iw: as the height;
//   ic, mid, oc channels of the input, between a bottleneck's 1x1s, of the output;
//   no mid: a basic block of two 3x3s; s stride, 1 or 2 (1);
//   g groups of a bottleneck's 3x3 (1);
//   v1_5: a bottleneck's stride is on its 3x3 (default), v1: on its first 1x1;
//   proj: the shortcut is a 1x1 convolution. Implied where ic and oc differ or the stride is 2;
//   dw makes it an inverted block, of a depthwise convolution of dw x dw, which has the stride, from mid channels to
//   mid channels between two 1x1s; no mid: no first 1x1. x is added where ic and oc are the same and
//   the stride is 1, unless `plain` stands there; tf: y is as large as x / s rounded up, the odd row of
//   padding last, as TensorFlow pads; else padding by dw / 2. No g, v1, v1_5, proj;
//   x blocks (1): this block, then identity blocks of the same mid, oc and g: a stage; of inverted
//   blocks those behind the first have oc * mid / ic channels in the middle;
//   n: the rest is a name.
#pragma once

#include <string>
#include <string_view>

#include "harness/problem/problem.hpp"

namespace foldconv::harness {

// Throw Error, naming the character, counted from 1, and what to write there: invalid_argument what
// is malformed, unsupported what benchdnn would take and foldconv does not (3-D, sizes above 31
// bits). Layers have no activation and no residual, blocks ReLUs (inverted ones none at the end); both are f16: see apply().
Problem parse_layer(std::string_view text);
Problem parse_block(std::string_view text);

// The shortest descriptor of the geometry, mb included, without a name. Of a stage, the blocks
// behind the first are those that `x` means.
std::string descriptor_of(const Problem& problem);

// A convolution as it is, for files and for other processes: "n h w c k r s stride.h stride.w top
// bottom left right dilation.h dilation.w groups activation alpha residual dtype".
std::string problem_text(const ConvProblem& problem);
ConvProblem parse_problem_text(const std::string& text);  // throws Error (invalid_argument)

}  // namespace foldconv::harness
