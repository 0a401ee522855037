// record-cudnn: what cuDNN computes for small problems, as files that the tests read wherever they
// run.
#include <fstream>
#include <iostream>

#include "commands/commands.hpp"
#include "compute/selection.hpp"
#include "recording/record.hpp"

namespace foldconv::tool {
namespace {

// 13000: 13.0
std::string cuda_version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

// "580.65.06" where the kernel module tells, else the CUDA version that the driver takes.
std::string driver_version() {
  std::ifstream file("/proc/driver/nvidia/version");
  std::string line;
  if (std::getline(file, line) && !line.empty()) return line;
  int number = 0;
  if (cudaDriverGetVersion(&number) != cudaSuccess) return "unknown";
  return "for CUDA " + cuda_version(number);
}

}  // namespace

int run_record_cudnn(const Options& options, const Device& device) {
  const Result<cudnn::Session>& session = cudnn_session();
  if (!session) {
    std::cerr << "foldconv: " << session.status().message() << '\n';
    return kExitFailure;
  }
  int runtime = 0;
  if (cudaRuntimeGetVersion(&runtime) != cudaSuccess) runtime = 0;
  const Witness witness{.gpu = device.name,
                        .driver = driver_version(),
                        .cuda = cuda_version(runtime),
                        .cudnn = session->version()};
  const CudnnEngines engines = engines_of(*session, kRecordedEngines);
  const Result<Recorded> recorded =
      record_all(options.out, witness,
                 [&engines](const ConvProblem& problem, const CudnnParameters& parameters,
                            const std::vector<std::byte>& x, const std::vector<std::byte>& residual,
                            bool exact) {
                   std::cerr << to_string(problem) << '\n';
                   return first_right_run(engines, problem, parameters, x, residual, exact);
                 });
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
