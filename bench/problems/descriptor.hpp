// Problem descriptors as benchdnn (oneDNN's test driver) writes them:
//
//   g1mb1_ic64oc64_ih56oh56kh3sh1dh0ph1_iw56ow56kw3sw1dw0pw1n"name"
//
// Entries are a key and a number, in any order, with `_` between them or not:
//   g groups (1); mb images (2); ic, oc channels over all groups;
//   ih iw input, oh ow output, kh kw kernel, sh sw stride (1), dh dw dilation counted from 0 (0),
//   ph pw padding above and to the left; n: the rest is a name.
// No output size: it follows from the padding on both sides, 0 unless given. Output size, but no
// padding: the padding that gives it, the odd row below. Both: the padding below follows.
// No iw, kw, ow: the width is as the height. No ih, kh, oh: one row, a 1-D convolution.
// A repeated key: the last one counts. A depth (id, od, kd, ...) is refused, unless it is 1.
#pragma once

#include <string>
#include <string_view>

#include "foldconv/conv.hpp"

namespace foldconv::tool {

struct Descriptor {
  ConvProblem problem;      // geometry; dtype, activation and residual are the command line's
  std::string name;         // without its quotes; empty where there is none
  std::string text;         // as it was written
  std::string suffix = {};  // of the label
};

// Errors name the character, counted from 1, and what to write there: invalid_argument what is
// malformed, unsupported what benchdnn would take and foldconv does not (3-D, sizes above 31 bits).
Result<Descriptor> parse_descriptor(std::string_view text);

// The shortest descriptor of the problem's geometry, mb included, without a name.
std::string to_descriptor(const ConvProblem& problem);

// What a table calls it: its name, or else its text; and the suffix.
std::string label(const Descriptor& descriptor);

}  // namespace foldconv::tool
