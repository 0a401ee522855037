// SPDX-License-Identifier: MIT
#include "commands/run.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <iostream>

#include "commands/commands.hpp"
#include "commands/kernel_choice.hpp"
#include "cudnn/cudnn.hpp"
#include "cudnn/recording/record.hpp"
#include "harness/error.hpp"
#include "harness/files.hpp"
#include "harness/problem/list.hpp"
#include "harness/problem/text.hpp"
#include "measure/model.hpp"
#include "report/checked_output.hpp"
#include "report/color.hpp"
#include "report/progress.hpp"
#include "report/text.hpp"
#include "report/version.hpp"

namespace foldconv::tool {
namespace {

bool takes_problems(const Options& options) {
  return options.command != Command::record_cudnn && options.network.model.empty();
}

void read_problems(const Options& options, harness::ProblemList& list) {
  Problems& problems = list.problems;
  for (const std::string& text : options.block_descriptors) {
    problems.push_back(harness::parse_block(text));
  }
  if (!options.weights.file.empty()) {
    std::ranges::move(read_weights(options.weights), std::back_inserter(problems));
  }
  for (const std::string& text : options.descriptors) {
    problems.push_back(harness::parse_layer(text));
  }
  for (const std::string& batch : options.batch_files) {
    harness::read_list(batch, harness::shipped_lists(), list);
  }
  harness::at_batch_sizes(options.batch_sizes, problems);
  for (harness::Problem& problem : problems) apply(options.settings, problem);
  if (problems.empty()) {
    throw harness::Error(
        ErrorCode::invalid_argument,
        "the batch file has no problem to run; add a line such as mb1_ic64oc64_ih56kh3ph1");
  }
}

// One kernel is pinned, several are compared.
void choose_kernels(Options& options) {
  options.kernels = kernels_meant(options.kernels, options.settings.dtype);
  if (options.kernels.size() != 1) return;
  options.settings.kernel = options.kernels.front();
  options.kernels.clear();
}

std::vector<std::string> names_of_kernels() {
  std::vector<std::string> names;
  for (const KernelInfo& kernel : layer_kernels()) names.emplace_back(kernel.name);
  return names;
}

ExitCode complain(ExitCode code, const std::string& what, Coloring coloring) {
  if (std::cout.good()) std::cout.flush();  // it stands before the complaint
  const Paint paint(takes_color(coloring, STDERR_FILENO));
  std::cerr << paint.complaint("foldconv:") << ' ' << what << '\n';
  return code;
}

// A standard stream that is closed is taken by the next file that is opened, which would then be written over.
void reserve_standard_streams() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) >= 0) continue;
    // The other way round, so that using it still fails.
    static_cast<void>(open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

// Runs small problems through cuDNN; files that the tests read wherever they run.
int run_record_cudnn(const Options& options, const harness::Device& device) {
  const cudnn::Search& search = cudnn::installed();
  if (search.cudnn == nullptr) throw harness::Error(ErrorCode::unsupported, search.reason);
  const std::string &version = search.cudnn->version, &driver = device.machine.driver;
  const cudnn::Metadata who = {{"gpu", device.name},
                               {"driver", driver},
                               {"cuda", device.machine.cuda_runtime},
                               {"cudnn", version}};
  Progress progress(cudnn::recorded_problems().size());
  const cudnn::Recorded recorded =
      cudnn::record_all(options.out, who, cudnn::witness_of(search),
                        [&progress](const std::string& name) { progress.next(name); });
  progress.clear();
  std::cout << "cuDNN " << version << " on " << device.name << ", driver "
            << (driver.empty() ? "unknown" : driver) << ": " << counted(recorded.files, "file")
            << ", " << recorded.bytes << " bytes in " << options.out << '\n';
  for (const std::string& one : recorded.refused) std::cout << "not recorded: " << one << '\n';
  return recorded.files > 0 ? kExitSuccess : kExitFailure;
}

int run_on_network(const Options& options, const harness::Device& device, Writer& writer) {
  switch (options.command) {
    case Command::classify:
      return run_classify(options, device, writer);
    case Command::run:
      return run_model(options, device);
    case Command::validate:
      return run_network_validate(options, device, writer);
    case Command::bench:
      return run_network_bench(options, device, writer);
    default:
      return run_network_explain(options, device, writer);
  }
}

// Files, and shapes that a network does not take, are a part of the command line.
int run_network_command(const Options& options, Writer& writer) {
  try {
    if (options.command == Command::inspect) return run_inspect(options);
    const harness::Device device = harness::current_device();
    return run_on_network(options, device, writer);
  } catch (const harness::WriteError&) {
    throw;
  } catch (const harness::Error& error) {
    if (error.code() != ErrorCode::invalid_argument) throw;
    return complain(kExitUsage, without_controls(error.what()), options.coloring);
  }
}

int run_options(Options options) {
  harness::ProblemList list;
  std::string wrong;
  try {
    choose_kernels(options);
    if (takes_problems(options)) read_problems(options, list);
  } catch (const harness::Error& error) {
    wrong = error.what();
  }
  for (const std::string& note : list.notes) std::cerr << "note: " << note << '\n';
  if (!wrong.empty()) return complain(kExitUsage, without_controls(wrong), options.coloring);
  if (!options.model.empty()) {
    harness::emulate(std::string(choose_model(options.model, "").architecture));
  }
  const Paint paint(takes_color(options.coloring, STDOUT_FILENO));
  const std::unique_ptr<Writer> writer = make_writer(options.format, std::cout, paint);
  if (!options.network.model.empty()) return run_network_command(options, *writer);
  const harness::Device device = harness::current_device();
  switch (options.command) {
    case Command::validate:
      return run_validate(options, device, list.problems, *writer);
    case Command::bench:
      return run_bench(options, device, list.problems, *writer);
    case Command::explain:
      return run_explain(options, device, list.problems, *writer);
    default:
      return run_record_cudnn(options, device);
  }
}

// `coloring`: as soon as it is known.
int run_command(int argc, const char* const* argv, Coloring& coloring) {
  if (argc > 1 && std::string(argv[1]) == cudnn::kTryEngines) {
    return cudnn::try_engines({argv + 2, argv + argc}, cudnn::open);
  }
  const Names names = {.number = version_number(),
                       .version = version_text,
                       .lists = harness::list_names(harness::shipped_lists()),
                       .kernels = names_of_kernels()};
  const CommandLine command_line = parse_command_line(argc, argv, names);
  coloring = command_line.coloring;
  if (command_line.options) return run_options(*command_line.options);
  std::cout << command_line.answer;
  if (command_line.complaint.empty()) return kExitSuccess;
  return complain(kExitUsage, command_line.complaint, coloring);
}

// What goes wrong, said; but not that it cannot be written.
int run_and_complain(int argc, const char* const* argv) {
  Coloring coloring = Coloring::automatic;
  try {
    return run_command(argc, argv, coloring);
  } catch (const OutputError&) {
    throw;
  } catch (const harness::Error& error) {
    return complain(kExitFailure, without_controls(error.what()), coloring);
  } catch (const std::exception& error) {
    // Sizes that pass every rule may still be more than this machine holds.
    return complain(
        kExitFailure,
        std::string(error.what()) + "; the problem may be too large for the memory of this machine",
        coloring);
  }
}

}  // namespace

int run(int argc, const char* const* argv) {
  reserve_standard_streams();
  const CheckedOutput checked(std::cout);
  std::cerr.tie(nullptr);  // whoever complains writes no report
  try {
    const int code = run_and_complain(argc, argv);
    std::cout.flush();
    return code;
  } catch (const OutputError& error) {
    return complain(kExitFailure, error.what(), Coloring::automatic);
  }
}

}  // namespace foldconv::tool
