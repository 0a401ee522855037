// SPDX-License-Identifier: MIT
#include "cudnn/trial.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "harness/device/buffer.hpp"
#include "harness/error.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::cudnn {
namespace {

using harness::DeviceBuffer;

// What a process says, a line each: kTry and a number before an engine is made and run, kFault and why
// where it failed so that nothing can follow, kEnd behind the last.
constexpr std::string_view kTry = "try ", kFault = "fault ", kEnd = "end";

// Its output, and how it ended, as waitpid() gives it.
std::pair<std::string, int> run_to_its_end(const std::vector<std::string>& command) {
  std::string line = "exec";
  for (const std::string& word : command) {
    line += " '";
    for (const char c : word) line += c == '\'' ? "'\\''" : std::string(1, c);
    line += '\'';
  }
  FILE* pipe = popen((line + " 2>/dev/null").c_str(), "re");
  if (pipe == nullptr) return {{}, 127 << 8};  // as a shell that finds no program
  std::string output;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
  return {output, pclose(pipe)};
}

std::string how_it_ended(int status, int seconds) {
  if (!WIFSIGNALED(status)) {
    return "its process ends with exit code " + std::to_string(WEXITSTATUS(status));
  }
  const int signal = WTERMSIG(status);
  if (signal == SIGALRM) return "it says nothing for " + std::to_string(seconds) + " s";
  return "it kills its process (signal " + std::to_string(signal) + ", " + strsignal(signal) + ")";
}

// The tensors of a graph, all zeros: whether an engine faults hangs on addresses alone.
using Memory = std::array<DeviceBuffer, 6>;
Memory memory_for(const ConvProblem& p, const Epilogue& epilogue) {
  const auto zeros = [](DataType dtype, std::int64_t elements, bool wanted = true) {
    if (!wanted) return DeviceBuffer();
    return DeviceBuffer(harness::Bytes(static_cast<std::size_t>(elements) * size_of(dtype)));
  };
  return {zeros(p.dtype, p.input().elements()),
          zeros(p.dtype, std::int64_t{p.k} * (p.c / p.groups) * p.r * p.s),
          zeros(epilogue.vectors, p.k, epilogue.scale),
          zeros(epilogue.vectors, p.k, epilogue.bias),
          zeros(p.dtype, p.output().elements(), p.residual),
          zeros(p.dtype, p.output().elements())};
}

// "": the engine may be used, or refuses in words and does no harm.
std::string fault_of(const Cudnn& cudnn, const ConvProblem& problem, const Epilogue& epilogue,
                     const Memory& memory, std::size_t number) {
  try {
    const ConvEngines engines =
        cudnn.engines(problem, epilogue, {.first = number, .last = number + 1});
    if (engines.ready.empty()) return "";
    const ConvEngine& engine = engines.ready.front();
    const auto& [x, weights, scale, bias, residual, y] = memory;
    const DeviceBuffer workspace(engine.workspace_bytes);
    engine.run({x.data(), weights.data(), scale.data(), bias.data(), residual.data(), y.data(),
                workspace.data()},
               nullptr);
    harness::check(cudaDeviceSynchronize(), "running " + engine.name);
    const bool intact = workspace.intact() && std::ranges::all_of(memory, &DeviceBuffer::intact);
    return intact ? "" : "it writes beside its tensors";
  } catch (const harness::Error& error) {
    const bool refuses =
        error.code() == ErrorCode::unsupported || error.code() == ErrorCode::out_of_memory;
    return refuses ? "" : error.what();
  }
}

}  // namespace

Trial own_process() {
  return {.program = {std::filesystem::read_symlink("/proc/self/exe").string(), kTryEngines}};
}

std::map<std::size_t, std::string> spoilt_engines(const Trial& trial, const ConvProblem& problem,
                                                  const Epilogue& epilogue, const Choice& choice) {
  std::map<std::size_t, std::string> spoilt;
  if (trial.program.empty()) return spoilt;
  std::size_t first = choice.first;
  while (choice.last == 0 || first < choice.last) {
    std::vector<std::string> command = trial.program;
    command.insert(command.end(), {harness::problem_text(problem), std::to_string(epilogue.scale),
                                   std::to_string(epilogue.bias), to_string(epilogue.vectors),
                                   std::to_string(first), std::to_string(choice.last),
                                   std::to_string(trial.seconds)});
    const auto [output, status] = run_to_its_end(command);
    std::optional<std::size_t> trying;
    std::string why = how_it_ended(status, trial.seconds);
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
      if (line == kEnd) return spoilt;
      if (line.starts_with(kTry)) trying = std::stoul(line.substr(kTry.size()));
      if (line.starts_with(kFault)) why = line.substr(kFault.size());
    }
    if (!trying) {
      throw harness::Error(ErrorCode::cuda_error,
                           "cannot start a process that tries cuDNN's engines: " + why);
    }
    spoilt[*trying] = why;
    first = *trying + 1;
  }
  return spoilt;
}

int try_engines(const std::vector<std::string>& arguments,
                const std::function<std::shared_ptr<const Cudnn>()>& open) {
  if (arguments.size() != 7) return 2;  // not started by spoilt_engines()
  const ConvProblem problem = harness::parse_problem_text(arguments[0]);
  const Epilogue epilogue{.scale = arguments[1] == "1",
                          .bias = arguments[2] == "1",
                          .vectors = harness::value_of(parse_data_type(arguments[3]))};
  const Choice choice{.first = std::stoul(arguments[4]), .last = std::stoul(arguments[5])};
  const auto seconds = static_cast<unsigned>(std::stoul(arguments[6]));
  alarm(seconds);  // ends the process, whatever hangs
  std::shared_ptr<const Cudnn> cudnn;
  Memory memory;
  std::size_t count = 0;
  try {
    cudnn = open();
    memory = memory_for(problem, epilogue);
    // None has so high a number: they are counted, and none is made.
    constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max() - 1;
    count = cudnn->engines(problem, epilogue, {.first = kNone, .last = kNone + 1}).numbered;
  } catch (const harness::Error& error) {
    std::cout << kFault << error.what() << std::endl;
    return 1;
  }
  for (std::size_t number = choice.first; number < count && choice.takes(number); ++number) {
    std::cout << kTry << number << std::endl;
    alarm(seconds);
    const std::string fault = fault_of(*cudnn, problem, epilogue, memory, number);
    if (fault.empty()) continue;
    std::cout << kFault << fault << std::endl;
    std::_Exit(0);  // what is left of CUDA may not even end
  }
  std::cout << kEnd << std::endl;
  return 0;
}

}  // namespace foldconv::cudnn
