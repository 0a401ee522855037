// foldconv: the command-line tool. See `foldconv --help`.
#include <exception>
#include <iostream>

#include "commands/commands.hpp"
#include "commands/options.hpp"
#include "measure/model.hpp"
#include "problems/batch_file.hpp"
#include "problems/batch_sizes.hpp"
#include "report/report.hpp"
#include "tool_version.hpp"
#include "weights/weights_file.hpp"

namespace foldconv::tool {
namespace {

Status read_problems(const Options& options, ProblemList& list) {
  for (const std::string& text : options.descriptors) {
    Result<Descriptor> descriptor = parse_descriptor(text);
    if (!descriptor) return descriptor.status();
    list.problems.push_back(std::move(*descriptor));
  }
  for (const std::string& text : options.block_descriptors) {
    Result<BlockDescriptor> descriptor = parse_block_descriptor(text);
    if (!descriptor) return descriptor.status();
    list.blocks.push_back(std::move(*descriptor));
  }
  if (!options.weights.file.empty()) {
    Result<std::vector<BlockDescriptor>> blocks = read_weights(options);
    if (!blocks) return blocks.status();
    list.blocks.insert(list.blocks.end(), blocks->begin(), blocks->end());
  }
  for (const std::string& file : options.batch_files) {
    if (Status status = read_batch_file(file, shipped_lists(), list); !status) return status;
  }
  at_batch_sizes(options.batch_sizes, list);
  if (list.problems.empty() && list.blocks.empty()) {
    return {ErrorCode::invalid_argument,
            "the batch file has no problem to run; add a line such as mb1_ic64oc64_ih56kh3ph1"};
  }
  return {};
}

int run(int argc, const char* const* argv) {
  const CommandLine command_line =
      parse_command_line(argc, argv, kToolVersion, std::cout, std::cerr);
  if (!command_line.options) return command_line.exit_code;
  const Options& options = *command_line.options;

  ProblemList list;
  const bool has_problems = options.command != Command::record_cudnn;
  const Status read = has_problems ? read_problems(options, list) : Status();
  for (const std::string& note : list.notes) std::cerr << "note: " << note << '\n';
  if (!read) {
    std::cerr << "foldconv: " << read.message() << '\n';
    return kExitUsage;
  }

  if (const GpuModel* model = find_model(options.model)) emulate(model->architecture);
  const Result<Device> device = current_device();
  if (!device) {
    std::cerr << "foldconv: " << device.status().message() << '\n';
    return kExitFailure;
  }
  const std::unique_ptr<Report> report = make_report(options.format, std::cout);
  switch (options.command) {
    case Command::validate:
      return run_validate(options, *device, list, *report);
    case Command::bench:
      return run_bench(options, *device, list, *report);
    case Command::explain:
      return run_explain(options, *device, list, *report);
    case Command::record_cudnn:
      return run_record_cudnn(options, *device);
  }
  return kExitUsage;
}

}  // namespace
}  // namespace foldconv::tool

// Sizes that pass every rule may still be more than this machine holds.
int main(int argc, char** argv) {
  try {
    return foldconv::tool::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "\nfoldconv: " << error.what()
              << "; the problem may be too large for the memory of this machine\n";
    return foldconv::tool::kExitFailure;
  }
}
