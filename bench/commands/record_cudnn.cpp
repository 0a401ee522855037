// record-cudnn: what cuDNN computes for small problems, as files that the tests read wherever they
// run.
#include <iostream>

#include "commands/commands.hpp"
#include "compute/selection.hpp"
#include "machine/machine.hpp"
#include "recording/record.hpp"

namespace foldconv::tool {
namespace {

std::string or_unknown(const std::string& text) {
  return text.empty() ? "unknown" : text;
}

}  // namespace

int run_record_cudnn(const Options& options, const Device& device) {
  const Result<cudnn::Session>& session = cudnn_session();
  if (!session) {
    std::cerr << "foldconv: " << session.status().message() << '\n';
    return kExitFailure;
  }
  const Machine machine = current_machine(device.emulated);
  const Witness witness{.gpu = device.name,
                        .driver = or_unknown(machine.driver),
                        .cuda = or_unknown(machine.cuda_runtime),
                        .cudnn = session->version()};
  const Result<Recorded> recorded = record_all(options.out, witness, cudnn_witness(*session));
  if (!recorded) {
    std::cerr << "foldconv: " << recorded.status().message() << '\n';
    return kExitFailure;
  }
  std::cout << "cuDNN " << witness.cudnn << " on " << witness.gpu << ", driver " << witness.driver
            << ": " << counted(recorded->files, "file") << ", " << recorded->bytes << " bytes in "
            << options.out << '\n';
  for (const std::string& one : recorded->refused) std::cout << "not recorded: " << one << '\n';
  return recorded->files > 0 ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
