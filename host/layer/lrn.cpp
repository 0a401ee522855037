// SPDX-License-Identifier: MIT
#include "layer/lrn.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "layer/make_layer.hpp"

namespace foldconv::host {

Result<Layer> plan_lrn(const LrnProblem& problem) {
  return guarded([&]() -> Result<Layer> {
    for (const auto& [name, pitch] :
         {std::pair("pitch.x", problem.pitch.x), {"pitch.y", problem.pitch.y}}) {
      if (Status status =
              check_tensor(problem.dtype, {{"n", problem.n},
                                           {"pixels_per_image", problem.pixels_per_image},
                                           named_pitch(name, pitch, problem.c)});
          !status.ok())
        return status;
    }
    if (Status status = check_pitches(problem.dtype, problem.pitch, problem.c); !status.ok())
      return status;
    if (problem.size < 1) {
      return invalid("the window of a normalisation has no channels", text("size = ", problem.size),
                     "use 1 or more");
    }
    const int last = problem.c - 1;  // further channels there are not
    LrnParams params = {};
    params.c = problem.c;
    params.x_pitch = pitch_or(problem.pitch.x, problem.c);
    params.y_pitch = pitch_or(problem.pitch.y, problem.c);
    params.before = std::min((problem.size - 1) / 2, last);
    params.behind = std::min(problem.size / 2, last);
    params.factor = problem.alpha / static_cast<float>(problem.size);
    params.beta = problem.beta;
    params.bias = problem.bias;
    params.channels = fast_division(problem.c);
    const std::int64_t elements = problem.n * problem.pixels_per_image * problem.c;
    constexpr double kFlopsBesideWindow = 4;  // base, power, division
    return make_layer(LayerOp::lrn, problem.dtype, params, {.n = problem.n, .units = elements},
                      layer_cost(2 * double(elements) * double(size_of(problem.dtype)),
                                 (2.0 * problem.size + kFlopsBesideWindow) * double(elements)));
  });
}

}  // namespace foldconv::host
