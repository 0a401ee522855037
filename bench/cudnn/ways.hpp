// SPDX-License-Identifier: MIT
// cuDNN's ways, whoever stands for cuDNN: its fastest right engine for each convolution, and its
// single calls.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cudnn/operands.hpp"
#include "cudnn/trial.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::cudnn {

struct Search {
  std::shared_ptr<const Cudnn> cudnn;  // null: there is none
  std::string reason = {};             // then: why
  Trial trial = {};
  std::size_t engines = 12;  // of each graph; 0: all
  std::size_t l2_bytes = 0;  // flushed before each timed run
};

// cudnn: each convolution with all behind it as one graph; cudnn-separate: single operations. Engines are
// tried where they can do no harm, run on the operands, judged, and those that are right are timed; the
// kernel is the fastest, how many were right, how many cuDNN offered: "eng45_k2=5(12_of_57)". A way
// that cuDNN does not take has the first reason as its refusal.
std::vector<harness::WayMaker> ways(const Search& search);

// Engines of one form of the parameters that are fit to run, and those that are not: left_out has
// "name: why" of both. Throws Error: what Cudnn::engines and spoilt_engines() throw.
ConvEngines fit_engines(const Search& search, const Operands& operands);

}  // namespace foldconv::cudnn
