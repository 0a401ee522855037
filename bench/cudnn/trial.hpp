// SPDX-License-Identifier: MIT
// Engines in a process of their own: one that faults spoils its CUDA context and often its process, so
// that each runs once where nothing else is lost. A process tries one engine after the other; when it
// dies, or its alarm rings because one takes too long, that engine is spoilt, and another process goes on
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
  int seconds = 60;                  // for an engine, after which its process ends itself
};

// The running program with this subcommand, which nobody types: its body is try_engines().
inline constexpr const char* kTryEngines = "try-cudnn-engines";
Trial own_process();

// Of the engines of this graph that are chosen: numbers, and why they are spoilt ("killed by signal 6",
// "an illegal memory access was encountered"). Throws Error (cuda_error): a process cannot be started, or
// ends before its first engine.
std::map<std::size_t, std::string> spoilt_engines(const Trial& trial, const ConvProblem& problem,
                                                  const Epilogue& epilogue, const Choice& choice);

// The body of such a process. `arguments`: those that spoilt_engines() appended. Returns the exit code.
int try_engines(const std::vector<std::string>& arguments,
                const std::function<std::shared_ptr<const Cudnn>()>& open);

}  // namespace foldconv::cudnn
