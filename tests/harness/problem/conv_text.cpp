// SPDX-License-Identifier: MIT
#include "harness/problem/conv_text.hpp"

#include <sstream>

#include "harness/error.hpp"

namespace foldconv::harness {

std::string problem_text(const ConvProblem& p) {
  std::ostringstream text;
  text.precision(9);
  for (const int value :
       {p.n, p.h, p.w, p.c, p.k, p.r, p.s, p.stride.h, p.stride.w, p.pad.top, p.pad.bottom,
        p.pad.left, p.pad.right, p.dilation.h, p.dilation.w, p.groups}) {
    text << value << ' ';
  }
  text << to_string(p.activation.kind) << ' ' << p.activation.alpha << ' ' << p.residual << ' '
       << to_string(p.dtype);
  return text.str();
}

ConvProblem parse_problem_text(const std::string& text) {
  ConvProblem p;
  std::string activation, dtype;
  std::istringstream fields(text);
  fields >> p.n >> p.h >> p.w >> p.c >> p.k >> p.r >> p.s >> p.stride.h >> p.stride.w >>
      p.pad.top >> p.pad.bottom >> p.pad.left >> p.pad.right >> p.dilation.h >> p.dilation.w >>
      p.groups >> activation >> p.activation.alpha >> p.residual >> dtype;
  if (!fields) {
    throw Error(ErrorCode::invalid_argument, "cannot read the problem \"" + text + "\"");
  }
  p.activation.kind = value_of(parse_activation(activation)).kind;
  p.dtype = value_of(parse_data_type(dtype));
  return p;
}

}  // namespace foldconv::harness
