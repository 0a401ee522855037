// SPDX-License-Identifier: MIT
// foldconv: the command-line tool. See `foldconv --help`.
#include "commands/run.hpp"

int main(int argc, char** argv) {
  return foldconv::tool::run(argc, argv);
}
