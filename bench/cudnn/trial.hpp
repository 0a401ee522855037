// SPDX-License-Identifier: MIT
// Engines in a process of their own: one that faults spoils its CUDA context and often its process, so
// that each runs once where nothing else is lost. A process tries one engine after the other; when it
// dies, or says nothing for too long, the engine at which it did is spoilt, and another process goes on
// behind it. Without faults a graph costs one process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cudnn/engines.hpp"

namespace foldconv::cudnn {

struct Trial {
  std::vector<std::string> program;  // and its first arguments; empty: engines are trusted
  int seconds = 60;                  // without a word, after which a process is killed
};

// The running program with this subcommand, of which try_engines() is the body.
Trial own_process(const std::string& subcommand);

// Of the engines of this graph that are chosen: numbers, and why they are spoilt ("killed by signal 6",
// "an illegal memory access was encountered"). Throws Error (cuda_error): a process cannot be started, or
// ends before its first engine.
std::map<std::size_t, std::string> spoilt_engines(const Trial& trial, const ConvProblem& problem,
                                                  const Epilogue& epilogue, const Choice& choice);

// The body of such a process. `arguments`: those that spoilt_engines() appended. Returns the exit code.
int try_engines(const std::vector<std::string>& arguments,
                const std::function<std::shared_ptr<const Cudnn>()>& open);

}  // namespace foldconv::cudnn
