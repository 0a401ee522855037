// SPDX-License-Identifier: MIT
#include "commands/run.hpp"

#include <algorithm>
#include <exception>
#include <iostream>

#include "commands/commands.hpp"
#include "cudnn/cudnn.hpp"
#include "cudnn/recording/record.hpp"
#include "foldconv/kernel_list.hpp"
#include "harness/error.hpp"
#include "harness/problem/list.hpp"
#include "harness/problem/text.hpp"
#include "measure/model.hpp"
#include "report/text.hpp"
#include "tool_version.hpp"

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

// A kernel's name is as much a part of the command line as a type's.
bool is_kernel(const std::string& name) {
  return std::ranges::any_of(kernel_list(), [&](const KernelInfo& kernel) {
    return kernel.name == name &&
           (kernel.family == KernelFamily::conv || kernel.family == KernelFamily::direct);
  });
}

int refuse(const std::string& what) {
  std::cerr << "foldconv: " << without_controls(what) << '\n';
  return kExitUsage;
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
  const cudnn::Recorded recorded = cudnn::record_all(options.out, who, cudnn::witness_of(search));
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
int run_network_command(const Options& options) {
  try {
    if (options.command == Command::inspect) return run_inspect(options);
    const harness::Device device = harness::current_device();
    return run_on_network(options, device, *make_writer(options.format, std::cout));
  } catch (const harness::Error& error) {
    if (error.code() != ErrorCode::invalid_argument) throw;
    return refuse(error.what());
  }
}

int run_command(int argc, const char* const* argv) {
  if (argc > 1 && std::string(argv[1]) == cudnn::kTryEngines) {
    return cudnn::try_engines({argv + 2, argv + argc}, cudnn::open);
  }
  const CommandLine command_line =
      parse_command_line(argc, argv, kToolVersion, harness::list_names(harness::shipped_lists()),
                         std::cout, std::cerr);
  if (!command_line.options) return command_line.exit_code;
  const Options& options = *command_line.options;

  harness::ProblemList list;
  std::string wrong;
  try {
    if (takes_problems(options)) read_problems(options, list);
  } catch (const harness::Error& error) {
    wrong = error.what();
  }
  for (const std::string& note : list.notes) std::cerr << "note: " << note << '\n';
  if (!wrong.empty()) return refuse(wrong);
  if (!options.model.empty()) {
    harness::emulate(std::string(choose_model(options.model, "").architecture));
  }
  if (!options.network.model.empty()) return run_network_command(options);
  const harness::Device device = harness::current_device();
  if (const std::string& kernel = options.settings.kernel; !kernel.empty() && !is_kernel(kernel)) {
    return refuse("there is no kernel \"" + kernel +
                  "\"; foldconv explain DESCRIPTOR names those that are there");
  }
  const std::unique_ptr<Writer> writer = make_writer(options.format, std::cout);
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

}  // namespace

int run(int argc, const char* const* argv) {
  try {
    return run_command(argc, argv);
  } catch (const harness::Error& error) {
    std::cerr << "foldconv: " << without_controls(error.what()) << '\n';
  } catch (const std::exception& error) {
    // Sizes that pass every rule may still be more than this machine holds.
    std::cerr << "\nfoldconv: " << error.what()
              << "; the problem may be too large for the memory of this machine\n";
  }
  return kExitFailure;
}

}  // namespace foldconv::tool
