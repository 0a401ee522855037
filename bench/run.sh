#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Sets up what is missing, builds the foldconv tool, and runs it on the GPU, or on the emulator where
# there is none.
#   bench/run.sh               validates and benches the blocks and layers of ResNet-50 v1.5 at batch 1
#   bench/run.sh ARGS...       hands its arguments to the tool; see bench/run.sh --help
#   bench/run.sh --emulate ... takes the emulator, also where there is a GPU
set -euo pipefail

# shellcheck source=SCRIPTDIR/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

preset=ci
emulate=ON
if has_gpu; then
  preset=release
  emulate=OFF
fi
arguments=()
for argument in "$@"; do
  if [[ $argument == --emulate ]]; then
    preset=ci
    emulate=ON
  else
    arguments+=("$argument")
  fi
done

targets=(foldconv_tool)
if [[ $emulate == ON ]]; then
  targets+=(cuemu)
fi
foldconv_build "$preset" "$emulate" "${targets[@]}"

build=$foldconv_root/build/$preset
if [[ $emulate == ON ]]; then
  export LD_LIBRARY_PATH=$build/emulator${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi

if [[ ${#arguments[@]} -gt 0 ]]; then
  exec "$build/bench/foldconv" "${arguments[@]}"
fi
status=0
for list in resnet50_blocks resnet50; do
  for command in validate bench; do
    "$build/bench/foldconv" "$command" --batch "$list" || status=$?
    echo
  done
done
exit "$status"
