// SPDX-License-Identifier: MIT
// The command line.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "commands/exit_code.hpp"
#include "harness/problem/data.hpp"
#include "harness/problem/problem.hpp"
#include "report/color.hpp"
#include "report/report.hpp"
#include "weights/read_weights.hpp"

namespace foldconv::tool {

enum class Command { classify, run, inspect, validate, bench, explain, record_cudnn };
const char* to_string(Command command);

// A network out of a file, and what commands do with it.
struct NetworkSettings {
  std::string model = {};                // the file; empty: none
  std::string folder = {};               // where trained networks are: bench/networks/setup.sh
  Extent size = {224, 224};              // of its images, where the model leaves it open
  std::vector<std::string> inputs = {};  // of run: NumPy files
  std::string output = {};
  std::vector<std::string> outputs = {};  // tensors where its file is cut; none: its own outputs
  std::string picture = {};               // of classify; empty: the one in `folder`
  int turn = 0;                           // of the picture, clockwise, in degrees
  std::string classes = {};               // a file of their names, a line each
};

struct Options {
  Command command = Command::validate;
  std::vector<std::string> descriptors;
  std::vector<std::string> block_descriptors;
  std::vector<std::string> batch_files;
  WeightsOptions weights;
  NetworkSettings network;
  harness::Settings settings;  // of every problem
  // Of layers: as --kernel lists them, names and patterns; then, if these are several kernels, those that are compared.
  std::vector<std::string> kernels;
  harness::DataOptions data;     // random weights and inputs
  std::vector<int> batch_sizes;  // each problem at each; empty: as each descriptor says
  Format format = Format::table;
  Coloring coloring = Coloring::automatic;
  std::string model;               // on the emulator: the GPU to emulate; empty: its own choice
  std::vector<std::string> ways;   // of bench; empty: the usual ones
  std::size_t cudnn_engines = 12;  // that are tried for each graph; 0: all
  std::string l2 = "both";         // bench on a GPU: before a timed run: cold, warm, both
  double seconds = 1;              // bench on a GPU: of timing, for each problem
  std::string out;                 // of record-cudnn: the folder
};

// Of a network: those that are asked for, or one image.
std::vector<int> batch_sizes_of(const Options& options);

// What the command line may name.
struct Names {
  std::string number;                    // of this version: "1.2.3"
  std::function<std::string()> version;  // all that --version says
  std::vector<std::string> lists, kernels;
};

struct CommandLine {
  std::optional<Options> options;  // empty: nothing is to be run
  std::string answer;              // then: what was asked for, such as the help
  std::string complaint;           // or: what is wrong
  Coloring coloring = Coloring::automatic;

  ExitCode exit_code() const { return complaint.empty() ? kExitSuccess : kExitUsage; }
};

CommandLine parse_command_line(int argc, const char* const* argv, const Names& names);

}  // namespace foldconv::tool
