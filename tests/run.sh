#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Sets up what is missing, builds everything, and runs all tests: on the GPU, or on the emulator where there is none.
#
#   tests/run.sh                 all of them
#   tests/run.sh --emulate ...   on the emulator, also where there is a GPU
#   tests/run.sh ARGUMENTS       those of ctest, e.g. -R Descriptor; ctest --help says which there are
#
# The first run installs what is missing as bench/run.sh does (see there); building everything takes about three minutes on two
# cores, and the tests as many.
set -euo pipefail

# shellcheck source=SCRIPTDIR/../bench/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../bench/setup.sh"

help_if_asked "$@"

emulate=ON
if has_gpu; then
  emulate=OFF
fi
arguments=()
for argument in "$@"; do
  if [[ $argument == --emulate ]]; then
    emulate=ON
  else
    arguments+=("$argument")
  fi
done
# ctest itself passes over words and options that it does not know.
if [[ ${arguments[0]:--} != -* ]]; then
  say "there is no argument ${arguments[0]}; tests are named behind -R: $0 -R ${arguments[0]}"
  exit 2
fi
if command -v ctest >/dev/null; then
  check_options "$(ctest --help)" "${arguments[@]}"
fi

setup_onnx_models
foldconv_build ci "$emulate"
"$foldconv_root/bench/networks/setup.sh" || say "tests of trained networks are skipped"
exec ctest --test-dir "$foldconv_root/build/ci" -j2 --output-on-failure "${arguments[@]}"
