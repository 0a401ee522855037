// The command line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::tool {

enum class Command { validate, bench, explain, record_cudnn };
enum class Format { table, json, csv };
enum class L2 { cold, warm, both };  // before a timed run

const char* to_string(Command command);

// Blocks of a state dict, and what it does not tell about them.
struct WeightsOptions {
  std::string file;  // empty: none
  std::vector<std::string> prefixes;
  int stride = 1;
  StrideAt stride_at = StrideAt::conv2;
  double eps = 1e-5;
  int h = 56, w = 0;  // of the random input; w 0: as h
};

struct Options {
  Command command = Command::validate;
  std::vector<std::string> descriptors;
  std::vector<std::string> block_descriptors;
  std::vector<std::string> batch_files;
  WeightsOptions weights;
  DataType dtype = DataType::f16;
  Activation activation = Activation::relu;
  float alpha = 0.01f;  // slope of leaky_relu
  bool residual = false;
  bool batch_norm = true;
  bool conv_bias = false;
  std::uint64_t seed = 1;
  std::vector<int> batch_sizes;  // each problem at each; empty: as each descriptor says
  std::string kernel;            // pinned; empty: the selection table chooses
  Format format = Format::table;
  std::vector<std::string> implementations;  // of bench; empty: the usual ones
  std::size_t cudnn_engines = 12;            // that are tried for each graph; 0: all
  std::string out;                           // of record-cudnn: the folder
  L2 l2 = L2::both;                          // bench on a GPU
  double seconds = 1;                        // bench on a GPU: of timing, for each problem
  std::string model;  // bench on the emulator: the GPU to emulate; empty: the emulator's own choice
};

// What the whole program returns.
inline constexpr int kExitSuccess = 0, kExitFailure = 1, kExitUsage = 2;

struct CommandLine {
  std::optional<Options> options;  // empty: help or an error was printed, exit with exit_code
  int exit_code = kExitSuccess;
};

CommandLine parse_command_line(int argc, const char* const* argv, const std::string& version,
                               std::ostream& out, std::ostream& err);

// The problem of a descriptor's geometry with what the options say.
ConvProblem apply(const Options& options, ConvProblem geometry);

}  // namespace foldconv::tool
