// SPDX-License-Identifier: MIT
/// @file
/// Reads ONNX files: opset 7 to 28. A library of its own, foldconv::onnx, the package's component `onnx`.
///
///     auto graph = onnx::read("resnet50.onnx");
///     if (!graph) return report(graph.status());
///     auto network = Network::create(*graph);
///
/// Taken: Conv, BatchNormalization, Relu, LeakyRelu, Clip, Sigmoid, Tanh, HardSigmoid, HardSwish, Gelu, Swish, Add, Sub,
/// Mul, Sum, LRN, MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool, ReduceMean (over h and w), Gemm, MatMul, Flatten,
/// Reshape, Squeeze, Unsqueeze, Transpose, Softmax, Concat, Pad, Resize and Upsample (nearest, whole factors), Slice,
/// Split, Identity, Dropout, Cast between types of floats; Div by constants; Erf within
/// a gelu. Weights are constants of the file, or
/// computed of such: Constant, ConstantOfShape, Shape, Slice, Gather, Concat, Unsqueeze, Squeeze, Reshape, Transpose,
/// Expand, Split, Cast, Identity, Add, Sub, Mul, Div. So are shapes, which may depend on extents that are open until
/// Network::plan(). Values of float16, bfloat16 and double become float; casts of data round nothing. All else is refused.
#pragma once

#include "foldconv/version.hpp"

#if defined(__cplusplus) && __cplusplus >= 202002L  // else version.hpp has said what is wrong
#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "foldconv/graph.hpp"
#include "foldconv/status.hpp"

namespace foldconv::onnx {

struct ReadOptions {
  /// Names of tensors where the file is cut: what is not between them is not looked at. Empty: the file's own.
  std::vector<std::string> inputs = {}, outputs = {};
  /// Tensors of the file that are these values, such as weights that are inputs of its graph. Of an integer tensor the
  /// values have to be whole.
  std::map<std::string, Constant> constants = {};
};

/// Something of a model that is not taken. Fields that do not apply are empty.
struct Problem {
  ErrorCode code = ErrorCode::unsupported;  ///< invalid_argument: no valid model
  std::string node;                         ///< its name, or its first output's
  std::string op;
  int opset = 0;
  std::string rule;    ///< what is asked of the node: "mode"
  std::string value;   ///< what it has instead: "cubic"
  std::string shape;   ///< of its first operand, as far as it is known
  std::string remedy;  ///< what to do about it

  /// One line: node "Resize_214" (Resize, opset 13): mode: "cubic", on 1x256x20x20; use nearest, or cut ...
  std::string to_string() const;
};

/// The graph of a file. The file stays mapped for as long as the graph, or a network's Graph of it, lives: leave it
/// alone until then. Tensors keep their names. Errors: invalid_argument (no file, damage, no valid model, names in
/// `options` that the file does not have), unsupported: the first of inspect()'s problems. Thread-safe.
Result<Graph> read(const std::filesystem::path& file, const ReadOptions& options = {});
/// Of bytes in memory, which may go afterwards. Data outside of them is refused.
Result<Graph> read(std::span<const std::byte> bytes, const ReadOptions& options = {});

/// All problems of a file, up to 100; none: read() succeeds. What takes a refused tensor is looked at less closely: a
/// second call, once the problems are gone, may find more. Errors: of files that cannot be parsed.
Result<std::vector<Problem>> inspect(const std::filesystem::path& file,
                                     const ReadOptions& options = {});
/// Of bytes in memory.
Result<std::vector<Problem>> inspect(std::span<const std::byte> bytes,
                                     const ReadOptions& options = {});

}  // namespace foldconv::onnx

#endif
