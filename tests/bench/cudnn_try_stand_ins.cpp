// SPDX-License-Identifier: MIT
// A process that tries stand-ins, as the tool's own tries cuDNN's engines: FAULTS ARGUMENT...
#include <string>
#include <vector>

#include "cudnn/trial.hpp"
#include "cudnn_stand_in.hpp"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  return foldconv::cudnn::try_engines({argv + 2, argv + argc}, [&] {
    return foldconv::cudnn::stand_in(foldconv::cudnn::faults_of(argv[1]));
  });
}
