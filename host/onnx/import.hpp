// SPDX-License-Identifier: MIT
// From the messages of a file to a Graph.
#pragma once

#include <cstdint>
#include <vector>

#include "foldconv/onnx.hpp"
#include "onnx/wire/external_data.hpp"
#include "onnx/wire/messages.hpp"

namespace foldconv::onnx {

// Elements of constants that are computed, of all together: 1 GiB.
inline constexpr std::int64_t kMostComputed = std::int64_t{1} << 28;

struct Imported {
  Graph graph;                    // of what comes before a problem
  std::vector<Problem> problems;  // none: the graph is the file's
};

// Stops at so many problems.
Imported import_model(const wire::ModelProto& model, wire::TensorFiles& files,
                      const ReadOptions& options, std::size_t most_problems,
                      std::int64_t most_computed = kMostComputed);

}  // namespace foldconv::onnx
