// SPDX-License-Identifier: MIT
#include <sstream>

#include "harness/error.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::harness {

std::string problem_text(const ConvProblem& p) {
  std::ostringstream text;
  text.precision(9);
  for (const int value :
       {p.n, p.h, p.w, p.c, p.k, p.r, p.s, p.stride.h, p.stride.w, p.pad.top, p.pad.bottom,
        p.pad.left, p.pad.right, p.dilation.h, p.dilation.w, p.groups}) {
    text << value << ' ';
  }
  // Two parameters stand with the name, one behind it.
  const bool two = Activation::parameters(p.activation.kind) == 2;
  text << (two ? to_string(p.activation) : to_string(p.activation.kind)) << ' '
       << (two ? 0.0f : p.activation.alpha) << ' ' << p.residual << ' ' << to_string(p.dtype);
  return text.str();
}

ConvProblem parse_problem_text(const std::string& text) {
  ConvProblem p;
  std::string activation, dtype;
  float alpha = 0;
  std::istringstream fields(text);
  fields >> p.n >> p.h >> p.w >> p.c >> p.k >> p.r >> p.s >> p.stride.h >> p.stride.w >>
      p.pad.top >> p.pad.bottom >> p.pad.left >> p.pad.right >> p.dilation.h >> p.dilation.w >>
      p.groups >> activation >> alpha >> p.residual >> dtype;
  if (!fields) {
    throw Error(ErrorCode::invalid_argument, "cannot read the problem \"" + text + "\"");
  }
  p.activation = value_of(parse_activation(activation));
  if (Activation::parameters(p.activation.kind) < 2) p.activation.alpha = alpha;
  p.dtype = value_of(parse_data_type(dtype));
  return p;
}

}  // namespace foldconv::harness
