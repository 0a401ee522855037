// SPDX-License-Identifier: MIT
// In cuDNN's place: engines that this library's kernels stand for, so that all but cuDNN itself runs
// without a GPU.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cudnn/engines.hpp"

namespace foldconv::cudnn {

// What a stand-in does wrong.
enum class Fault {
  none,
  fails,           // refuses in words
  scales_by_zero,  // computes something else
  cannot_be_captured,
  cannot_be_made,
  aborts,        // ends its process when it is made
  hangs,         // for long
  faults,        // reads where nothing is
  writes_beside  // behind its workspace
};
// "none,aborts"
std::vector<Fault> faults_of(const std::string& list);

// An engine for each fault: "eng0", "eng1", ...
std::shared_ptr<const Cudnn> stand_in(const std::vector<Fault>& faults);

}  // namespace foldconv::cudnn
