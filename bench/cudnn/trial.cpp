// SPDX-License-Identifier: MIT
#include "cudnn/trial.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>

#include "harness/device/buffer.hpp"
#include "harness/error.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::cudnn {
namespace {

using harness::DeviceBuffer;

// What a process says, a line each: kTry and a number before an engine is made and run, kFault and why
// where it failed so that nothing can follow, kEnd behind the last.
constexpr const char* kTry = "try ";
constexpr const char* kFault = "fault ";
constexpr const char* kEnd = "end";

// A program that writes lines; killed and reaped on every way out.
class Process {
 public:
  Process(const std::vector<std::string>& command) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) fail(errno);
    output_ = ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<char*> arguments;
    for (const std::string& one : command) arguments.push_back(const_cast<char*>(one.c_str()));
    arguments.push_back(nullptr);
    const int error =
        posix_spawn(&id_, arguments.front(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error == 0) return;
    close(output_);
    fail(error);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    close(output_);
    if (!reaped_) {
      kill(id_, SIGKILL);
      waitpid(id_, nullptr, 0);
    }
  }

  // The next line; none: it has ended or, `silent`, said nothing for so long.
  std::optional<std::string> line(int seconds) {
    for (;;) {
      if (const std::size_t end = read_.find('\n'); end != std::string::npos) {
        std::string found = read_.substr(0, end);
        read_.erase(0, end + 1);
        return found;
      }
      pollfd ready{.fd = output_, .events = POLLIN, .revents = 0};
      const int polled = poll(&ready, 1, seconds * 1000);
      if (polled < 0 && errno == EINTR) continue;
      silent_ = polled == 0;
      if (polled <= 0) return std::nullopt;
      char bytes[4096];
      const ssize_t count = read(output_, bytes, sizeof bytes);
      if (count <= 0) return std::nullopt;
      read_.append(bytes, static_cast<std::size_t>(count));
    }
  }

  // How it ended, when line() has nothing more to give.
  std::string how_it_ended(int seconds) {
    if (silent_) return "it says nothing for " + std::to_string(seconds) + " s";
    int status = 0;
    waitpid(id_, &status, 0);
    reaped_ = true;
    if (WIFSIGNALED(status)) {
      const int signal = WTERMSIG(status);
      return "it kills its process (signal " + std::to_string(signal) + ", " + strsignal(signal) +
             ")";
    }
    return "its process ends with exit code " + std::to_string(WEXITSTATUS(status));
  }

 private:
  [[noreturn]] static void fail(int error) {
    throw harness::Error(ErrorCode::cuda_error,
                         "cannot start a process that tries cuDNN's engines: " +
                             std::generic_category().message(error));
  }

  pid_t id_ = 0;
  int output_ = -1;
  bool reaped_ = false, silent_ = false;
  std::string read_;
};

// The tensors of a graph, all zeros: whether an engine faults hangs on addresses alone.
struct Memory {
  Memory(const ConvProblem& p, const Epilogue& epilogue) {
    const auto zeros = [](DataType dtype, std::int64_t elements) {
      return DeviceBuffer(harness::Bytes(static_cast<std::size_t>(elements) * size_of(dtype)));
    };
    x = zeros(p.dtype, p.input().elements());
    weights = zeros(p.dtype, std::int64_t{p.k} * (p.c / p.groups) * p.r * p.s);
    if (epilogue.scale) scale = zeros(epilogue.vectors, p.k);
    if (epilogue.bias) bias = zeros(epilogue.vectors, p.k);
    if (p.residual) residual = zeros(p.dtype, p.output().elements());
    y = zeros(p.dtype, p.output().elements());
  }
  DeviceBuffer x, weights, scale, bias, residual, y;  // null: the graph has no such tensor
};

// "": nothing happened that should not. Throws what the engine throws.
std::string run(const ConvEngine& engine, const Memory& memory) {
  const auto& [x, weights, scale, bias, residual, y] = memory;
  const DeviceBuffer workspace(engine.workspace_bytes);
  engine.run({x.data(), weights.data(), scale.data(), bias.data(), residual.data(), y.data(),
              workspace.data()},
             nullptr);
  harness::check(cudaDeviceSynchronize(), "running " + engine.name);
  for (const DeviceBuffer* one : {&x, &weights, &scale, &bias, &residual, &y, &workspace}) {
    if (!one->intact()) return "it writes beside its tensors";
  }
  return "";
}

void say(const std::string& line) {
  std::cout << line << '\n' << std::flush;
}

// "": the engine may be used, or refuses in words and does no harm.
std::string fault_of(const Cudnn& cudnn, const ConvProblem& problem, const Epilogue& epilogue,
                     const Memory& memory, std::size_t number, std::size_t& count) {
  try {
    const ConvEngines engines =
        cudnn.engines(problem, epilogue, {.first = number, .last = number + 1});
    count = engines.numbered;
    return engines.ready.empty() ? "" : run(engines.ready.front(), memory);
  } catch (const harness::Error& error) {
    const bool refuses =
        error.code() == ErrorCode::unsupported || error.code() == ErrorCode::out_of_memory;
    return refuses ? "" : error.what();
  }
}

}  // namespace

Trial own_process(const std::string& subcommand) {
  return {.program = {std::filesystem::read_symlink("/proc/self/exe").string(), subcommand}};
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
                                   std::to_string(first), std::to_string(choice.last)});
    Process process(command);
    std::optional<std::size_t> trying;
    std::string why;
    bool ended = false;
    while (const std::optional<std::string> line = process.line(trial.seconds)) {
      if (line->starts_with(kTry)) trying = std::stoul(line->substr(std::strlen(kTry)));
      if (line->starts_with(kFault)) why = line->substr(std::strlen(kFault));
      ended = ended || *line == kEnd;
    }
    if (ended) return spoilt;
    if (why.empty()) why = process.how_it_ended(trial.seconds);
    if (!trying) {
      throw harness::Error(
          ErrorCode::cuda_error,
          "the process that tries cuDNN's engines does not come to the first: " + why);
    }
    spoilt[*trying] = why;
    first = *trying + 1;
  }
  return spoilt;
}

int try_engines(const std::vector<std::string>& arguments,
                const std::function<std::shared_ptr<const Cudnn>()>& open) {
  if (arguments.size() != 6) return 2;  // not started by spoilt_engines()
  const ConvProblem problem = harness::parse_problem_text(arguments[0]);
  const Epilogue epilogue{.scale = arguments[1] == "1",
                          .bias = arguments[2] == "1",
                          .vectors = harness::value_of(parse_data_type(arguments[3]))};
  const Choice choice{.first = std::stoul(arguments[4]), .last = std::stoul(arguments[5])};
  const std::shared_ptr<const Cudnn> cudnn = open();
  const Memory memory(problem, epilogue);
  std::size_t count = choice.first + 1;  // until the first engine says how many there are
  for (std::size_t number = choice.first; number < count && choice.takes(number); ++number) {
    say(kTry + std::to_string(number));
    const std::string fault = fault_of(*cudnn, problem, epilogue, memory, number, count);
    if (fault.empty()) continue;
    say(kFault + fault);
    std::_Exit(0);  // what is left of CUDA may not even end
  }
  say(kEnd);
  return 0;
}

}  // namespace foldconv::cudnn
