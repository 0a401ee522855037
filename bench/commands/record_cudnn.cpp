// SPDX-License-Identifier: MIT
// record-cudnn: what cuDNN computes for small problems, as files that the tests read wherever they
// run.
#include <iostream>

#include "commands/commands.hpp"
#include "cudnn/cudnn.hpp"
#include "cudnn/recording/record.hpp"
#include "report/text.hpp"

namespace foldconv::tool {

int run_record_cudnn(const Options& options, const harness::Device& device) {
  const cudnn::Recorded recorded = cudnn::record_all(options.out, device);
  std::cout << "cuDNN " << cudnn_version() << " on " << device.name << ", driver "
            << (device.machine.driver.empty() ? "unknown" : device.machine.driver) << ": "
            << counted(recorded.files, "file") << ", " << recorded.bytes << " bytes in "
            << options.out << '\n';
  for (const std::string& one : recorded.refused) std::cout << "not recorded: " << one << '\n';
  return recorded.files > 0 ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
