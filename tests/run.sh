#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Sets up what is missing, builds everything, and runs all tests: on the GPU, or on the emulator where
# there is none, or with --emulate. Other arguments are ctest's, e.g. tests/run.sh -R Descriptor
set -euo pipefail

# shellcheck source=SCRIPTDIR/../bench/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../bench/setup.sh"

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

setup_onnx_models
foldconv_build ci "$emulate"
"$foldconv_root/bench/networks/setup.sh" || say "tests of trained networks are skipped"
exec ctest --test-dir "$foldconv_root/build/ci" -j2 --output-on-failure "${arguments[@]}"
