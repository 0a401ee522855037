// SPDX-License-Identifier: MIT
#include "run.hpp"

#include <cuemu.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <iostream>

namespace foldconv::probes {
namespace {

using Clock = std::chrono::steady_clock;

Outcome blank(const Probe& probe) {
  Outcome outcome;
  outcome.group = probe.group;
  outcome.name = probe.name;
  outcome.kind = probe.kind;
  return outcome;
}

std::uint64_t nanoseconds_since(Clock::time_point start) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
}

struct Child {
  pid_t pid = -1;
  int output = -1;  // read end of its stdout
};

Child start(const std::vector<Probe>& probes) {
  std::vector<std::string> words = {"foldconv_probe", "--in-child"};
  for (const Probe& probe : probes) words.push_back(probe.name);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error(std::strerror(errno));
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error(std::strerror(errno));
  if (pid == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execv("/proc/self/exe", arguments.data());
    _exit(127);
  }
  close(ends[1]);
  return {pid, ends[0]};
}

enum class Reading { line, end, late };

// Takes one line from what the child writes; `rest` keeps what came after it.
Reading read_line(int file, Clock::time_point deadline, std::string& rest, std::string& line) {
  std::array<char, 65536> buffer{};
  while (true) {
    if (const std::size_t end = rest.find('\n'); end != std::string::npos) {
      line = rest.substr(0, end);
      rest.erase(0, end + 1);
      return Reading::line;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return Reading::late;
    pollfd waiting{file, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(left)) == 0) return Reading::late;
    const ssize_t count = read(file, buffer.data(), buffer.size());
    if (count <= 0) return Reading::end;
    rest.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

// Lines that are no result (of a library that talks, say) are passed over.
bool parse_outcome(const std::string& line, const std::string& name, Outcome& outcome) {
  if (!line.starts_with('{')) return false;
  const Results results = read_json(line, name);
  if (results.outcomes.size() != 1 || results.outcomes[0].name != name) return false;
  outcome = results.outcomes[0];
  return true;
}

std::string describe_end(Reading reading, int seconds, int status) {
  if (reading == Reading::late) return "failed: killed after " + std::to_string(seconds) + " s";
  if (WIFSIGNALED(status)) {
    return "failed: the process died of signal " + std::to_string(WTERMSIG(status));
  }
  return "failed: the process ended with status " + std::to_string(WEXITSTATUS(status));
}

std::vector<Outcome> collect(const Child& child, const std::vector<Probe>& probes, int seconds) {
  std::vector<Outcome> outcomes;
  std::string rest, line;
  Clock::time_point began = Clock::now();
  Reading reading = Reading::line;
  while (outcomes.size() < probes.size()) {
    reading = read_line(child.output, began + std::chrono::seconds(seconds), rest, line);
    if (reading != Reading::line) break;
    Outcome outcome;
    if (!parse_outcome(line, probes[outcomes.size()].name, outcome)) continue;
    outcomes.push_back(std::move(outcome));
    began = Clock::now();
    if (outcomes.back().status.starts_with("failed")) break;  // its device may be beyond use
  }
  // Done, late or dead: nothing more is expected of it.
  if (reading != Reading::end) kill(child.pid, SIGKILL);
  close(child.output);
  int status = 0;
  waitpid(child.pid, &status, 0);
  if (reading != Reading::line) {
    Outcome outcome = blank(probes[outcomes.size()]);
    outcome.status = describe_end(reading, seconds, status);
    outcome.wall_ns = nanoseconds_since(began);
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

// The emulator's, which goes on after it; else empty.
std::string take_fault(const Device& device) {
  if (!device.emulated) return {};
  std::array<char, 1024> text{};
  cuemu_last_fault(text.data(), text.size());
  cuemu_clear_fault();
  return text.data();
}

std::string status_of(const std::string& error, const std::string& fault,
                      const std::string& forbidden) {
  if (!forbidden.empty() && fault.starts_with(forbidden + ":")) return "forbidden: " + fault;
  if (is_not_modelled(fault)) return fault;
  return "failed: " + error + (fault.empty() ? "" : "; " + fault);
}

}  // namespace

Outcome run_here(const Probe& probe, const Device& device) {
  Outcome outcome = blank(probe);
  if (probe.needs == Needs::sm90 && device.major != 9) {
    outcome.status = "not supported here: needs an sm_90 GPU";
    return outcome;
  }
  take_fault(device);  // a launch that was refused, and was asked about
  const Clock::time_point start_time = Clock::now();
  try {
    outcome.result = probe.run();
    outcome.status = "ok";
    if (device.emulated && !probe.forbidden.empty()) {
      outcome.status = "failed: the emulator let pass what is " + probe.forbidden;
    }
  } catch (const NotSupported& error) {
    outcome.status = std::string("not supported here: ") + error.what();
  } catch (const std::exception& error) {
    outcome.status = status_of(error.what(), take_fault(device), probe.forbidden);
  }
  if (device.emulated) outcome.result.cycles = 0;  // it has no time
  outcome.wall_ns = nanoseconds_since(start_time);
  return outcome;
}

std::vector<Outcome> run_in_child(const std::vector<Probe>& probes, int seconds) {
  try {
    return collect(start(probes), probes, seconds);
  } catch (const std::exception& error) {
    Outcome outcome = blank(probes.front());
    outcome.status = std::string("failed: ") + error.what();
    return {outcome};
  }
}

void run_as_child(const std::vector<Probe>& all, const std::vector<std::string>& names) {
  Results results;
  results.device = current_device();
  for (const std::string& name : names) {
    const auto probe = std::ranges::find(all, name, &Probe::name);
    if (probe == all.end()) continue;
    results.outcomes = {run_here(*probe, results.device)};
    std::cout << to_line(results) << std::flush;
  }
  // After a fault of the device there is nothing to tidy up, and the runtime's own attempt could
  // hang.
  _exit(0);
}

}  // namespace foldconv::probes
